import CShims
import Foundation

/// A shared library, opened once per process and never closed (a Swift library must not be).
package final class Library {
    package let path: String
    private let handle: UnsafeMutableRawPointer

    /// Opens a library file. The loading thread's floating-point mode is restored, whatever the library's start-up code
    /// does to it.
    package init(path: String) throws(PluginError) {
        try Self.checkHeader(path)
        let mode = sz_float_mode()
        let opened = sz_open(path)
        if sz_float_mode() != mode { sz_set_float_mode(mode) }
        guard let opened else { throw PluginError(path, "cannot be loaded: \(Self.lastError())") }
        self.path = path
        handle = opened
    }

    /// Opens a library of the system by its bare name, such as `libopenblas.so.0`.
    package init(system name: String) throws(PluginError) {
        let mode = sz_float_mode()
        let opened = sz_open(name)
        if sz_float_mode() != mode { sz_set_float_mode(mode) }
        guard let opened else { throw PluginError(name, "no such library on this system: \(Self.lastError())") }
        path = name
        handle = opened
    }

    package func symbol(_ name: String) throws(PluginError) -> UnsafeMutableRawPointer {
        guard let address = dlsym(handle, name) else {
            throw PluginError(
                path, "has no function '\(name)' (is it exported with C linkage? nm -D shows the names)")
        }
        return address
    }

    private static func lastError() -> String { dlerror().map { String(cString: $0) } ?? "unknown reason" }

    /// Reads the ELF header, so that a file for another machine is named as such before anything is mapped.
    private static func checkHeader(_ path: String) throws(PluginError) {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw PluginError(path, "no such library, or not readable (was the plugin built?)")
        }
        defer { try? file.close() }
        let header = [UInt8]((try? file.read(upToCount: 20)) ?? Data())
        guard header.count == 20, header.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else {
            throw PluginError(path, "is not a shared library (no ELF header)")
        }
        let machine = Int(header[18]) | Int(header[19]) << 8
        guard header[4] == 2, machine == hostMachine.code else {
            let name = machines[machine] ?? "machine \(machine)"
            throw PluginError(
                path, "is built for \(name)\(header[4] == 1 ? ", 32 bits" : ""), this is \(hostMachine.name)")
        }
    }

    private static let machines = [3: "i386", 40: "ARM", 62: "x86_64", 183: "aarch64", 243: "RISC-V"]

    private static var hostMachine: (code: Int, name: String) {
        #if arch(x86_64)
            (62, "x86_64")
        #elseif arch(arm64)
            (183, "aarch64")
        #else
            (0, "an unknown machine")
        #endif
    }
}

/// What is wrong with a plugin's files or functions, in one line that begins with the place.
package struct PluginError: Error, CustomStringConvertible, Equatable {
    package var place: String
    package var sentence: String

    package init(_ place: String, _ sentence: String) {
        self.place = place
        self.sentence = sentence
    }

    package var description: String { "\(place): \(sentence)" }
}
