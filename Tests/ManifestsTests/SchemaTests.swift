import Manifests
import Testing

@Suite struct SchemaTests {
    /// The message for a value under a schema; nil if it follows it.
    static func message(_ schema: String, _ value: String) throws -> String? {
        let schema = try Schema(try StrictJSON.parse(schema, file: "schema.json"))
        let problems = schema.problems(in: try StrictJSON.parse(value, file: "f"))
        return problems.isEmpty ? nil : ManifestError(problems).description
    }

    static let cases: [(schema: String, value: String, message: String?)] = [
        // Integers are mathematical.
        (#"{"properties": {"n": {"type": "integer"}}}"#, #"{"n": 3.0}"#, nil),
        (#"{"properties": {"n": {"type": "integer"}}}"#, #"{"n": 1e3}"#, nil),
        (#"{"properties": {"n": {"type": "integer"}}}"#, #"{"n": 3.5}"#, "f:1:7: n must be an integer, got 3.5"),
        (#"{"properties": {"n": {"type": "number"}}}"#, #"{"n": "3"}"#, "f:1:7: n must be a number, got '3'"),
        (
            #"{"properties": {"n": {"type": ["boolean", "null"]}}}"#, #"{"n": 0}"#,
            "f:1:7: n must be true or false or null, got 0"
        ),
        (#"{"properties": {"n": {"const": 1}}}"#, #"{"n": 1.0}"#, nil),
        (#"{"properties": {"n": {"const": 1}}}"#, #"{"n": true}"#, "f:1:7: n must be 1, got true"),
        (#"{"properties": {"n": {"enum": [1, "a"]}}}"#, #"{"n": 2}"#, "f:1:7: n must be one of 1, 'a', got 2"),
        (#"{"properties": {"n": {"minimum": 1}}}"#, #"{"n": 0}"#, "f:1:7: n must be >= 1, got 0"),
        (
            #"{"properties": {"n": {"maximum": 9007199254740992}}}"#, #"{"n": 9007199254740993}"#,
            "f:1:7: n must be <= 9007199254740992, got 9007199254740993"
        ),
        (#"{"properties": {"n": {"exclusiveMinimum": 0, "exclusiveMaximum": 1}}}"#, #"{"n": 0.5}"#, nil),
        (#"{"properties": {"n": {"exclusiveMinimum": 0}}}"#, #"{"n": 0.0}"#, "f:1:7: n must be > 0, got 0.0"),
        (#"{"properties": {"n": {"exclusiveMaximum": 1}}}"#, #"{"n": 1}"#, "f:1:7: n must be < 1, got 1"),
        // Lengths count characters, not bytes.
        (#"{"properties": {"s": {"maxLength": 2}}}"#, #"{"s": "éé"}"#, nil),
        (
            #"{"properties": {"s": {"maxLength": 2}}}"#, #"{"s": "abc"}"#,
            "f:1:7: s must have at most 2 characters, got 3"
        ),
        (#"{"properties": {"s": {"minLength": 1}}}"#, #"{"s": ""}"#, "f:1:7: s must not be empty"),
        (#"{"properties": {"s": {"pattern": "^[a-z$]+$"}}}"#, #"{"s": "a$b"}"#, nil),
        (
            #"{"properties": {"s": {"pattern": "^a+$"}}}"#, #"{"s": "aa\n"}"#,
            "f:1:7: s must be of the form ^a+$, got 'aa\\u{a}'"
        ),
        (#"{"properties": {"s": {"pattern": "^a\\$$"}}}"#, #"{"s": "a$"}"#, nil),
        (
            #"{"properties": {"s": {"pattern": "^a", "title": "a word with a"}}}"#, #"{"s": "b"}"#,
            "f:1:7: s must be a word with a, got 'b'"
        ),
        (
            #"{"properties": {"l": {"prefixItems": [{"type": "string"}], "items": false}}}"#, #"{"l": ["a", 1, 2]}"#,
            "f:1:13: l must have at most 1 items, got 3"
        ),
        (#"{"properties": {"l": {"minItems": 2}}}"#, #"{"l": [1]}"#, "f:1:7: l must have at least 2 items, got 1"),
        (
            #"{"properties": {"l": {"uniqueItems": true}}}"#, #"{"l": [1, "1", 1.0]}"#,
            "f:1:16: l has 1.0 twice, as items 0 and 2"
        ),
        (
            #"{"properties": {"l": {"items": {"type": "string"}}}}"#, #"{"l": ["a", 1]}"#,
            "f:1:13: l[1] must be a string, got 1"
        ),
        (
            #"{"propertyNames": {"pattern": "^[a-z]$", "title": "one letter"}}"#, #"{"ab": 1}"#,
            "f:1:2: key 'ab' at the top level must be one letter"
        ),
        (#"{"minProperties": 2}"#, #"{"ab": 1}"#, "f:1:1: the document must have at least 2 keys, got 1"),
        (
            #"{"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false}"#,
            #"{"x-a": 1, "y": 2}"#,
            "f:1:9: x-a must be a string, got 1\nf:1:12: unknown key 'y' at the top level"
        ),
        (#"{"not": {"required": ["a"]}}"#, #"{"a": 1}"#, "f:1:1: the document must not be of this form"),
        (#"{"properties": {"a": false}}"#, #"{"a": 1}"#, "f:1:7: a is not allowed here"),
        (
            #"{"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}}"#, #"{"a": 1}"#,
            "f:1:1: missing key 'b' at the top level"
        ),
        (
            #"{"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}}"#, #"{"d": 1}"#,
            "f:1:1: missing key 'c' at the top level"
        ),
        // A list refers to its own items, to any depth.
        (
            ##"{"properties": {"t": {"$ref": "#/$defs/tree"}}, "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}"##,
            #"{"t": [[], [[3]]]}"#, "f:1:14: t[1][0][0] must be a list, got 3"
        ),
        (
            ##"{"$ref": "#/$defs/a~1b%25", "$defs": {"a/b%": {"required": ["q"]}}}"##, "{}",
            "f:1:1: missing key 'q' at the top level"
        ),
        // Of several forms, the sentence is about the one that was meant.
        (
            #"{"properties": {"v": {"oneOf": [{"type": "number", "minimum": 0}, {"type": "object", "required": ["param"]}]}}}"#,
            #"{"v": {"parm": 1}}"#, "f:1:7: missing key 'param' in v"
        ),
        (
            #"{"properties": {"v": {"oneOf": [{"type": "number", "minimum": 0}, {"type": "object", "required": ["param"]}]}}}"#,
            #"{"v": -1}"#, "f:1:7: v must be >= 0, got -1"
        ),
        (
            #"{"properties": {"v": {"anyOf": [{"type": "number"}, {"type": "object"}]}}}"#,
            #"{"v": "x"}"#, "f:1:7: v must be a number or an object, got 'x'"
        ),
        (
            #"{"properties": {"v": {"oneOf": [{"type": "number"}, {"type": "integer"}]}}}"#,
            #"{"v": 1}"#, "f:1:7: v has 2 of the possible forms; only one may fit"
        ),
        (
            #"{"oneOf": [{"required": ["kind", "a"], "properties": {"kind": {"const": "x"}}}, "#
                + #"{"required": ["kind", "b"], "properties": {"kind": {"enum": ["y", "z"]}}}]}"#,
            #"{"kind": "z"}"#, "f:1:1: missing key 'b' at the top level"
        ),
        (
            #"{"oneOf": [{"required": ["kind"], "properties": {"kind": {"const": "mean"}}}, "#
                + #"{"required": ["kind"], "properties": {"kind": {"enum": ["median", "max"]}}}]}"#,
            #"{"kind": "meen"}"#,
            "f:1:10: unknown kind 'meen' at the top level; did you mean 'mean'? (allowed: mean, median, max)"
        ),
    ]

    @Test(arguments: cases.indices) func saysWhatIsWrong(_ index: Int) throws {
        let (schema, value, expected) = Self.cases[index]
        #expect(try Self.message(schema, value) == expected)
    }

    @Test(arguments: [
        (#"{"multipleOf": 2}"#, "schema.json:1:2: this validator does not know the keyword 'multipleOf'"),
        (
            #"{"properties": {"a": {"format": "date"}}}"#,
            "schema.json:1:23: this validator does not know the keyword 'format'"
        ),
        (
            #"{"type": "strin"}"#,
            "schema.json:1:10: unknown type 'strin'; did you mean 'string'? "
                + "(allowed: null, boolean, object, array, number, integer, string)"
        ),
        (##"{"$ref": "#/$defs/nothing"}"##, "schema.json:1:10: $ref '#/$defs/nothing' points to nothing"),
        (
            #"{"$ref": "other.json"}"#,
            "schema.json:1:10: $ref must point inside this schema ('#/$defs/…'), got 'other.json'"
        ),
        (#"{"pattern": "(["}"#, "schema.json:1:13: '([' is not a regular expression"),
        (#"{"minItems": -1}"#, "schema.json:1:14: minItems must be an integer >= 0, got -1"),
        (#"{"properties": {"a": 3}}"#, "schema.json:1:22: a schema must be an object, true or false, got 3"),
        (#"{"required": "a"}"#, "schema.json:1:14: required must be a list, got 'a'"),
    ]) func refusesSchemas(_ text: String, _ message: String) {
        do {
            _ = try Schema(try StrictJSON.parse(text, file: "schema.json"))
            Issue.record("the schema is accepted")
        } catch {
            #expect("\(error)" == message)
        }
    }
}
