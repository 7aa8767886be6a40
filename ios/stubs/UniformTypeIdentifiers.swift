// As much of it as ios/App uses.
public struct UTType: Hashable, Sendable {
    public static var data: UTType { fatalError() }
}
