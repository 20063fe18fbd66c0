/// The types of JSON Schema that a value may have.
struct SchemaTypes: OptionSet, Hashable {
    let rawValue: UInt8

    static let null = SchemaTypes(rawValue: 1), boolean = SchemaTypes(rawValue: 2), object = SchemaTypes(rawValue: 4)
    static let array = SchemaTypes(rawValue: 8), number = SchemaTypes(rawValue: 16),
        integer = SchemaTypes(rawValue: 32)
    static let string = SchemaTypes(rawValue: 64)

    static let names: [(name: String, type: SchemaTypes, phrase: String)] = [
        ("null", .null, "null"), ("boolean", .boolean, "true or false"), ("object", .object, "an object"),
        ("array", .array, "a list"), ("number", .number, "a number"), ("integer", .integer, "an integer"),
        ("string", .string, "a string"),
    ]

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init?(name: String) {
        guard let known = Self.names.first(where: { $0.name == name }) else { return nil }
        self = known.type
    }

    /// All types that a value has: an integer is a number too.
    init(of value: JSON) {
        switch value {
        case .null: self = .null
        case .bool: self = .boolean
        case .int: self = [.number, .integer]
        case .double: self = value.isIntegral ? [.number, .integer] : .number
        case .string: self = .string
        case .array: self = .array
        case .object: self = .object
        }
    }

    /// `a list or null`
    var phrase: String {
        Self.names.filter { contains($0.type) }.sorted { $0.name < $1.name }.map(\.phrase).joined(separator: " or ")
    }
}
