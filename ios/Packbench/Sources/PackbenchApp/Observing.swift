#if canImport(Combine)
    @_exported import Combine
#else
    /// On Linux nobody watches: these let the models compile and be tested there.
    public protocol ObservableObject: AnyObject {}

    @propertyWrapper
    public struct Published<Value> {
        public var wrappedValue: Value

        public init(wrappedValue: Value) {
            self.wrappedValue = wrappedValue
        }
    }
#endif
