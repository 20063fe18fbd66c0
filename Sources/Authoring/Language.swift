/// A language that plugins can be written in, and how one file of it becomes a library.
package enum Language: String, CaseIterable, Sendable {
    case c, swift, rust, fortran

    package var ending: String {
        switch self {
        case .c: "c"
        case .swift: "swift"
        case .rust: "rs"
        case .fortran: "f90"
        }
    }

    /// Whether its compiler reads C headers, and so compares the source with the manifest.
    package var readsHeaders: Bool { self == .c || self == .swift }

    /// What goes with a source that takes services: the part of `syzygy.h` that small plugins need, in the language.
    package var services: String? { self == .c ? nil : "syzygy.\(ending)" }

    /// The line that builds a plugin in its folder. `-g` lets `plugin check` compare types with the manifest.
    package func build(_ name: String, takesServices: Bool) -> String {
        let library = "-o lib\(name).so"
        switch self {
        case .c: return "cc -O2 -g -Wall -shared -fPIC \(library) \(name).c -lm"
        case .swift:
            return "swiftc -O -g -module-name \(name)_plugin -import-objc-header \(name).h -emit-library \(library) "
                + (takesServices ? "syzygy.swift " : "") + "\(name).swift"
        case .rust: return "rustc -O -g --edition 2021 --crate-type cdylib \(library) \(name).rs"
        case .fortran:
            return "gfortran -O2 -g -shared -fPIC \(library) \(takesServices ? "syzygy.f90 " : "")\(name).f90"
        }
    }
}
