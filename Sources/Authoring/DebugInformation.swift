import CDebugInfo
import Manifests

/// Compares a manifest with the debug information of its library: numbers of parameters, widths, integers, floats
/// and pointers, and what pointers point to. Signs and `const` are not compared. Runs no code.
package struct DebugInformation {
    /// Functions that the debug information describes, of all in the manifest.
    package private(set) var compared = 0
    package private(set) var functions = 0

    /// - Throws: `ManifestError` with a sentence for everything that disagrees.
    package init(checking manifest: Manifest, library path: String) throws {
        var problems: [Problem] = []
        for prototype in try Prototype.all(of: manifest) {
            functions += 1
            var function = sz_debug_function()
            guard sz_debug_function_read(path, prototype.symbol, &function) == 1 else { continue }
            compared += 1
            let comparison = Comparison(
                prototype: prototype, function: function,
                place: "\(path.split(separator: "/").last ?? "") (\(Self.text(&function.file)):\(function.line))")
            problems += comparison.problems().map { manifest.document.problem(at: $0.pointer, $0.sentence) }
        }
        if !problems.isEmpty { throw ManifestError(problems) }
    }

    /// After the word `types`: `of 2 functions agree with the debug information`, or why they were not compared.
    package var words: String {
        if compared == 0 {
            return "not compared: the library has no debug information about its functions (build with -g)"
        }
        let which = compared == functions ? "\(functions)" : "\(compared) of \(functions)"
        return "of \(which) function\(functions == 1 ? "" : "s") agree with the debug information"
    }

    fileprivate static func text<Characters>(_ characters: inout Characters) -> String {
        withUnsafeBytes(of: &characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

/// One function of the manifest beside the compiled one.
private struct Comparison {
    let prototype: Prototype
    var function: sz_debug_function
    let place: String

    func problems() -> [(pointer: String, sentence: String)] {
        let wanted = prototype.parameters.count, count = Int(function.parameter_count)
        guard wanted == count else {
            let sentence =
                "'\(prototype.symbol)' has \(wanted) argument\(wanted == 1 ? "" : "s"), but \(count) in \(place)"
            return [("\(prototype.pointer)/args", sentence)]
        }
        var problems: [(String, String)] = []
        for (index, (parameter, debug)) in zip(prototype.parameters, parameters()).enumerated()
        where !debug.agrees(with: parameter.value) {
            let sentence: String =
                "argument \(index + 1), '\(parameter.name)', of '\(prototype.symbol)' is \(parameter.value.words) "
                + "(\(parameter.type)), but \(debug.words) in \(place)"
            problems.append(("\(parameter.pointer)/type", sentence))
        }
        if !function.result.agrees(with: prototype.result) {
            problems.append(
                (
                    "\(prototype.pointer)/returns",
                    "'\(prototype.symbol)' returns \(prototype.result.words), but \(function.result.words) in \(place)"
                ))
        }
        return problems
    }

    private func parameters() -> [sz_debug_type] {
        let count = min(Int(function.parameter_count), Int(SZ_DEBUG_MOST_PARAMETERS))
        return withUnsafeBytes(of: function.parameters) { Array($0.bindMemory(to: sz_debug_type.self).prefix(count)) }
    }
}

extension sz_debug_type {
    fileprivate func agrees(with type: MachineType) -> Bool {
        if kind == SZ_DEBUG_UNKNOWN { return true }
        switch type {
        case .nothing: return kind == SZ_DEBUG_VOID
        case .integer(let bytes): return kind == SZ_DEBUG_INTEGER && self.bytes == bytes
        case .float(let bytes): return kind == SZ_DEBUG_FLOAT && self.bytes == bytes
        case .opaque: return true
        case .pointer(let target):
            guard kind == SZ_DEBUG_POINTER else { return false }
            // void and structs may stand for anything.
            guard [SZ_DEBUG_INTEGER, SZ_DEBUG_FLOAT, SZ_DEBUG_POINTER].contains(self.target) else { return true }
            switch target {
            case .integer(let bytes): return self.target == SZ_DEBUG_INTEGER && target_bytes == bytes
            case .float(let bytes): return self.target == SZ_DEBUG_FLOAT && target_bytes == bytes
            case .pointer: return self.target == SZ_DEBUG_POINTER
            case .opaque, .nothing: return false
            }
        }
    }

    /// `'int', an integer of 4 bytes`
    fileprivate var words: String {
        var copy = name
        let machine: String =
            switch kind {
            case SZ_DEBUG_VOID: "nothing"
            case SZ_DEBUG_INTEGER: MachineType.integer(bytes: Int(bytes)).words
            case SZ_DEBUG_FLOAT: MachineType.float(bytes: Int(bytes)).words
            case SZ_DEBUG_STRUCT: "a struct of \(bytes) bytes"
            default:
                switch target {
                case SZ_DEBUG_INTEGER: MachineType.pointer(.integer(bytes: Int(target_bytes))).words
                case SZ_DEBUG_FLOAT: MachineType.pointer(.float(bytes: Int(target_bytes))).words
                case SZ_DEBUG_POINTER: MachineType.pointer(.pointer(.opaque)).words
                default: MachineType.pointer(.opaque).words
                }
            }
        return kind == SZ_DEBUG_VOID ? machine : "\(machine) (\(DebugInformation.text(&copy)))"
    }
}

extension MachineType {
    fileprivate var words: String {
        switch self {
        case .nothing: "nothing"
        case .integer(let bytes): "an integer of \(bytes) byte\(bytes == 1 ? "" : "s")"
        case .float(let bytes): "a float of \(bytes) bytes"
        case .pointer(.integer(let bytes)): "a pointer to integers of \(bytes) byte\(bytes == 1 ? "" : "s")"
        case .pointer(.float(let bytes)): "a pointer to floats of \(bytes) bytes"
        case .pointer(.pointer): "a pointer to pointers"
        case .pointer: "a pointer"
        case .opaque: "a struct"
        }
    }
}
