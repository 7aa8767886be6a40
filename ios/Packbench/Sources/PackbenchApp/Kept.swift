/// What was looked at and chosen, by the names of files: the path to the app's folder changes.
public struct Kept: Codable, Sendable, Equatable {
    let report: String?
    let model: String?
    let preset: String
}
