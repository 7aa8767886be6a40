// As much of Swift Charts as ios/App uses. Nothing of it does anything.
import SwiftUI

@MainActor @preconcurrency
public protocol ChartContent {}

public protocol Plottable {}
extension Double: Plottable {}
extension String: Plottable {}

public struct PlottableValue<Value: Plottable> {
    public static func value(_ labelKey: LocalizedStringKey, _ value: Value) -> PlottableValue { fatalError() }
}

public struct BarMark: ChartContent {
    public init<X: Plottable, Y: Plottable>(x: PlottableValue<X>, y: PlottableValue<Y>) {}
}

public struct RuleMark: ChartContent {
    public init<X: Plottable, Y: Plottable>(xStart: PlottableValue<X>, xEnd: PlottableValue<X>, y: PlottableValue<Y>) {}
}

public struct AnyChartContent: ChartContent {}

extension ChartContent {
    public func foregroundStyle<S: ShapeStyle>(_ style: S) -> some ChartContent { AnyChartContent() }
}

@resultBuilder
public enum ChartContentBuilder {
    public static func buildBlock<each Content: ChartContent>(_ content: repeat each Content) -> some ChartContent {
        AnyChartContent()
    }
}

public struct Chart<Content: ChartContent>: View {
    public init(@ChartContentBuilder content: () -> Content) {}
    public var body: Never { fatalError() }
}

extension View {
    public func chartXScale<Domain>(domain: ClosedRange<Domain>) -> some View { self }
    public func chartXAxis(_ visibility: Visibility) -> some View { self }
    public func chartYAxis(_ visibility: Visibility) -> some View { self }
}
