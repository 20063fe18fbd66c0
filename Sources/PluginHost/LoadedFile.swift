import ArrayFiles
import CShims
import Foundation
import Manifests
import OrderedCollections

/// A library that code of a plugin came from, for the record of a run.
package struct LoadedFile: Hashable, Sendable {
    package enum Content: Hashable, Sendable, CustomStringConvertible {
        /// SHA-256 of the bytes that were loaded.
        case digest(String, bytes: Int)
        /// Why they are not known.
        case unknown(String)

        package var description: String {
            switch self {
            case .digest(let digest, _): "found \(digest)"
            case .unknown(let reason): reason
            }
        }
    }

    package var path: String
    package var content: Content
    /// Its start-up code changed the floating-point mode, which was restored.
    package var changesFloatMode = false
    /// The id of the plugin that it was loaded for.
    package var plugin = ""

    package init(path: String, content: Content) {
        (self.path, self.content) = (path, content)
    }

    package var json: JSON {
        var json: OrderedDictionary<String, JSON> = ["plugin": .string(plugin), "path": .string(path)]
        switch content {
        case .digest(let digest, let bytes):
            json["bytes"] = .int(bytes)
            json["sha256"] = .string(digest)
        case .unknown(let reason): json["reason"] = .string(reason)
        }
        if changesFloatMode { json["floating_point_mode"] = .string("restored") }
        return .object(json)
    }

    package init?(_ json: JSON) {
        guard let plugin = json["plugin"]?.string, let path = json["path"]?.string else { return nil }
        if let digest = json["sha256"]?.string, let bytes = json["bytes"]?.int {
            content = .digest(digest, bytes: bytes)
        } else {
            content = .unknown(json["reason"]?.string ?? "")
        }
        (self.plugin, self.path, changesFloatMode) = (plugin, path, json["floating_point_mode"] != nil)
    }
}

/// Libraries that the dynamic linker finds by name.
package enum SystemLibrary {
    /// The file that a loaded library came from.
    static func file(of handle: UnsafeMutableRawPointer, name: String) -> LoadedFile {
        guard let path = sz_library_path(handle).map({ String(cString: $0) }), path.hasPrefix("/") else {
            return LoadedFile(path: name, content: .unknown("the dynamic linker does not say where it is"))
        }
        var content = content(of: path)
        if case .digest = content,
            let file = try? FileDescriptor(reading: path), sz_is_other_library(handle, file.handle) != 0
        {
            content = .unknown("another file is there now than the one that was loaded")
        }
        return LoadedFile(path: path, content: content)
    }

    static func content(of path: String) -> LoadedFile.Content {
        do {
            let file = try FileDescriptor(reading: path)
            return .digest(try FileDigest.of(file), bytes: try file.size())
        } catch {
            return .unknown((error as? FileError)?.message ?? "\(error)")
        }
    }

    /// Where the dynamic linker would find a library, without opening it: as one that this process has, then in
    /// `LD_LIBRARY_PATH`, `/etc/ld.so.cache` and the usual folders. nil if it is nowhere.
    package static func locate(_ name: String) -> String? {
        if let handle = dlopen(name, RTLD_LAZY | RTLD_NOLOAD) {
            defer { dlclose(handle) }
            if let path = sz_library_path(handle).map({ String(cString: $0) }), path.hasPrefix("/") { return path }
        }
        let variable = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] ?? ""
        let first = variable.split(separator: ":").map { "\($0)/\(name)" }
        let last = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"].map { "\($0)/\(name)" }
        return (first + cached(name) + last).first { FileManager.default.fileExists(atPath: $0) }
    }

    /// The paths that glibc's cache has for a name (sysdeps/generic/dl-cache.h: a header of 48 bytes, entries of 24).
    private static func cached(_ name: String) -> [String] {
        guard let file = try? FileContents(path: "/etc/ld.so.cache") else { return [] }
        let bytes = file.bytes, magic = Array("glibc-ld.so.cache1.1".utf8)
        guard bytes.count >= 48, bytes.starts(with: magic) else { return [] }
        func number(_ at: Int) -> Int { Int(bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)) }
        func text(_ at: Int) -> String {
            at < bytes.count ? String(decoding: bytes[at...].prefix { $0 != 0 }, as: UTF8.self) : ""
        }
        let count = min(number(20), (bytes.count - 48) / 24)
        #if arch(x86_64)
            let flags = 0x0303
        #else
            let flags = 0x0A03
        #endif
        return (0..<count).map { 48 + 24 * $0 }
            .filter { number($0) == flags && text(number($0 + 4)) == name }.map { text(number($0 + 8)) }
    }
}
