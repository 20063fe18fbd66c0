import Foundation
import LinearAlgebra
import Manifests

/// What the libraries of several plugins have in common though each should have its own.
///
/// Libraries are opened with `RTLD_LOCAL | RTLD_DEEPBIND`: a function that two of them export, or that the host has too, is in each
/// of them its own. Two things the dynamic linker still has once for the whole process: unique symbols (C++ compiled by GCC: variables
/// of inline functions and templates), and libraries that several need by one name.
package struct Collision: Hashable, CustomStringConvertible {
    package enum Kind: Hashable {
        /// A name that both export and that each binds to its own.
        case name(String)
        /// A symbol of which only the first is used.
        case unique(String)
        /// A library that each has beside it, of which only the first is used.
        case needed(String)
    }

    package var kind: Kind
    /// Ids, sorted.
    package var plugins: [String]

    /// Whether one plugin may get what is another's.
    package var isHarmful: Bool { if case .name = kind { false } else { true } }

    package var description: String {
        let both = plugins.joined(separator: " and ")
        return switch kind {
        case .name(let name): "plugins \(both) both export '\(name)'; each uses its own"
        case .unique(let name):
            "plugins \(both) both define the unique symbol '\(name)', of which a process has one: the plugin that is loaded "
                + "first gives it to the other; compile with -fvisibility=hidden or -fno-gnu-unique"
        case .needed(let name):
            "plugins \(both) each have their own '\(name)', of which a process has one: the plugin that is loaded first gives "
                + "it to the other; link it statically or give it another name"
        }
    }
}

package enum Collisions {
    /// Among all plugins, in the order of their ids. Libraries that cannot be read have none.
    package static func among(_ manifests: [Manifest]) -> [Collision] {
        var names: [Collision.Kind: Set<String>] = [:]
        var digests: [String: Set<String>] = [:]
        for manifest in manifests {
            guard let path = (try? ComponentLoader.libraryPath(of: manifest)) ?? nil,
                let file = try? ELFFile(path: path)
            else { continue }
            for symbol in file.exported where symbol.isUnique && !symbol.isOfStandardLibrary || symbol.isPlain {
                names[symbol.isUnique ? .unique(symbol.name) : .name(symbol.name), default: []].insert(manifest.id)
            }
            let folder = (path as NSString).deletingLastPathComponent
            for name in file.needed {
                guard let own = neededFile(name, by: file, in: folder) else { continue }
                names[.needed(name), default: []].insert(manifest.id)
                digests[name, default: []].insert((try? SHA256.hex(ofFile: own)) ?? own)
            }
        }
        return names.compactMap { kind, plugins in
            if case .needed(let name) = kind, digests[name]?.count == 1 { return nil }  // the same bytes
            return plugins.count > 1 ? Collision(kind: kind, plugins: plugins.sorted()) : nil
        }.sorted { ($0.plugins.joined(), $0.description) < ($1.plugins.joined(), $1.description) }
    }

    /// The library that a run path of the file itself leads to.
    private static func neededFile(_ name: String, by file: ELFFile, in folder: String) -> String? {
        file.runPaths.map { $0.replacingOccurrences(of: "$ORIGIN", with: folder) + "/" + name }
            .first { $0.hasPrefix(folder + "/") && FileManager.default.fileExists(atPath: $0) }
    }
}

extension ELFFile.Symbol {
    /// Of C++, whose plugins are meant to have it in common.
    fileprivate var isOfStandardLibrary: Bool {
        name.contains("NSt") || name.contains("ZSt") || name.contains("__gnu_cxx")
    }

    /// Neither weak nor a name that compilers of other languages make, which no C name can equal, nor the linker's own.
    package var isPlain: Bool {
        !isWeak && !isUnique && !name.contains(".")
            && !["$s", "_Z", "_R", "__", "_swift", "symbolic"].contains { name.hasPrefix($0) }
            && !["_init", "_fini", "_edata", "_end", "_ftext", "_etext"].contains(name)
    }
}
