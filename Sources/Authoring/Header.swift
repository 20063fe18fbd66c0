import Foundation
import Manifests

/// The C header of a manifest's functions: what includes it does not compile if it disagrees with the manifest.
package enum Header {
    package static func text(of manifest: Manifest) throws(ManifestError) -> String {
        let prototypes = try Prototype.all(of: manifest)
        let guardName = "SYZYGY_\(macro(manifest.id))_H"
        let usesServices = manifest.components.flatMap(\.functions).flatMap(\.arguments).contains {
            $0.type == .service
        }
        var lines = [
            firstLine(manifest.id),
            " * change the manifest and make it again. Include it in the source, so that types that disagree do not compile. */",
            "#ifndef \(guardName)", "#define \(guardName)", "",
            "#include <stddef.h>", "#include <stdint.h>",
        ]
        if usesServices { lines.append("#include \"syzygy.h\"") }
        lines += ["", "#ifdef __cplusplus", "extern \"C\" {", "#endif"]
        for prototype in prototypes { lines += [""] + declaration(of: prototype) }
        lines += ["", "#ifdef __cplusplus", "}", "#endif", "#endif", ""]
        return lines.joined(separator: "\n")
    }

    private static func firstLine(_ id: String) -> String {
        "/* The functions of \(id) as plugin.json describes them, made by `syzygy plugin header`. Do not edit:"
    }

    /// Refuses a header in the plugin's folder that was made before the manifest changed: compilers would compare
    /// with it.
    package static func checkFiles(of manifest: Manifest) throws {
        let current = try text(of: manifest)
        for name in try FileManager.default.contentsOfDirectory(atPath: manifest.folder).sorted()
        where name.hasSuffix(".h") {
            let file = "\(manifest.folder)/\(name)"
            guard let text = try? String(contentsOfFile: file, encoding: .utf8),
                text.hasPrefix(firstLine(manifest.id)), text != current
            else { continue }
            throw AuthoringError(
                sentence: "\(file): made before plugin.json changed; make it again: syzygy plugin header "
                    + "\(manifest.folder) --output \(file)")
        }
    }

    private static func declaration(of prototype: Prototype) -> [String] {
        let begin = "\(prototype.returns) \(prototype.symbol)("
        let comment = "/* \(prototype.users.joined(separator: "; ")) */"
        guard !prototype.parameters.isEmpty else { return [comment, begin + "void);"] }
        let declarations = prototype.parameters.enumerated().map { index, parameter in
            let isLast = index == prototype.parameters.count - 1
            let space = parameter.type.hasSuffix("*") ? "" : " "
            return "    \(parameter.type)\(space)\(name(parameter.name))" + (isLast ? ");" : ",")
        }
        let width = declarations.map(\.count).max() ?? 0
        let lines = zip(declarations, prototype.parameters).map { declaration, parameter in
            let padding = String(repeating: " ", count: width - declaration.count)
            return "\(declaration)\(padding)  /* \(parameter.comment.replacing("*/", with: "* /")) */"
        }
        return [comment, begin] + lines
    }

    private static func macro(_ id: String) -> String {
        String(id.uppercased().map { $0.isLetter || $0.isNumber ? $0 : "_" })
    }

    /// Names of arguments may be words of C or C++.
    private static func name(_ name: String) -> String { reserved.contains(name) ? name + "_" : name }

    private static let reserved: Set<String> = [
        "alignas", "alignof", "and", "asm", "auto", "bool", "break", "case", "catch", "char", "class", "compl",
        "concept",
        "const", "constexpr", "continue", "decltype", "default", "delete", "do", "double", "else", "enum", "explicit",
        "export", "extern", "false", "float", "for", "friend", "goto", "if", "inline", "int", "long", "mutable",
        "namespace",
        "new", "noexcept", "not", "nullptr", "operator", "or", "private", "protected", "public", "register",
        "requires",
        "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch", "template", "this", "throw",
        "true",
        "try", "typedef", "typename", "typeof", "union", "unsigned", "using", "virtual", "void", "volatile", "while",
        "xor",
    ]
}
