import ArrayFiles
import CShims
import Foundation
import Manifests
import Synchronization

/// A shared library, opened once per process and never closed (a Swift library must not be).
package final class Library {
    package let path: String
    /// Its start-up code changed the floating-point mode, which was restored.
    package let changesFloatMode: Bool
    private let handle: UnsafeMutableRawPointer
    /// nil for a library of the system.
    private let content: LoadedFile.Content?
    /// Libraries that were not there before.
    private let others: [String]

    /// Opens a library file, whose bytes are those that were digested. The loading thread's floating-point mode is restored, whatever
    /// the library's start-up code does to it.
    ///
    /// - Parameters:
    ///   - expected: the digest that the file must have.
    ///   - meanwhile: for tests: what happens between digesting and loading.
    package init(path: String, expected: String? = nil, meanwhile: () throws -> Void = {}) throws(PluginError) {
        do {
            let folder = try PluginFolder((path as NSString).deletingLastPathComponent)
            let file = try folder.open((path as NSString).lastPathComponent)
            try Self.checkHeader(file)
            let digest = try FileDigest.of(file)
            if let expected, digest != expected {
                throw PluginError(
                    path, "changed since the run was planned: expected SHA-256 \(expected), found \(digest)")
            }
            try meanwhile()
            let opened = Opened(path)
            guard let handle = opened.handle else { throw PluginError(path, "cannot be loaded: \(Self.lastError())") }
            // The dynamic linker has opened the path once more, or not at all if it knew the file.
            let first = Self.first(First(digest, opened), of: file)
            guard sz_is_other_library(handle, file.handle) == 0, try FileDigest.of(file) == digest,
                first.digest == digest
            else {
                throw PluginError(path, "was exchanged or changed while it was opened; start again")
            }
            content = .digest(digest, bytes: try file.size())
            (changesFloatMode, others) = (first.changesFloatMode, first.others)
            (self.path, self.handle) = (path, handle)
        } catch let error as PluginError {
            throw error
        } catch let error as FileError {
            let isMissing = !FileManager.default.fileExists(atPath: path)
            throw PluginError(
                error.path, isMissing ? "no such library, or not readable (was the plugin built?)" : error.message)
        } catch {
            throw PluginError(path, "\(error)")
        }
    }

    /// Opens a library of the system by its bare name, such as `libopenblas.so.0`.
    /// - Parameter expected: the digest that its file must have, unless it is empty.
    package init(system name: String, expected: String? = nil) throws(PluginError) {
        let opened = Opened(name)
        guard let handle = opened.handle else {
            throw PluginError(name, "no such library on this system: \(Self.lastError())")
        }
        content = nil
        (changesFloatMode, others) = (opened.changedFloatMode, opened.others)
        (path, self.handle) = (name, handle)
        guard let expected, !expected.isEmpty else { return }
        let file = SystemLibrary.file(of: handle, name: name)
        if case .digest(expected, _) = file.content { return }
        throw PluginError(file.path, "is not the one of the lock: expected SHA-256 \(expected), \(file.content)")
    }

    /// What is loaded because of it: itself and the libraries that were not there before.
    package var loaded: [LoadedFile] {
        var own = LoadedFile(path: path, content: content ?? .unknown(""))
        if content == nil { own = SystemLibrary.file(of: handle, name: path) }
        own.changesFloatMode = changesFloatMode
        return [own]
            + others.filter { $0 != own.path }.map { LoadedFile(path: $0, content: SystemLibrary.content(of: $0)) }
    }

    package func symbol(_ name: String) throws(PluginError) -> UnsafeMutableRawPointer {
        guard let address = dlsym(handle, name) else {
            throw PluginError(
                path, "has no function '\(name)' (is it exported with C linkage? nm -D shows the names)")
        }
        return address
    }

    // MARK: Opening

    /// What a call of the dynamic linker did.
    private struct Opened {
        let handle: UnsafeMutableRawPointer?
        let changedFloatMode: Bool
        /// Libraries that were not there before.
        let others: [String]

        init(_ path: String) {
            let before = Self.objects()
            let mode = sz_float_mode()
            handle = sz_open(path)
            changedFloatMode = sz_float_mode() != mode
            if changedFloatMode { sz_set_float_mode(mode) }
            others = Self.objects().subtracting(before).filter { $0.hasPrefix("/") && $0 != path }.sorted()
        }

        private static func objects() -> Set<String> {
            var paths: Set<String> = []
            withUnsafeMutablePointer(to: &paths) { set in
                sz_loaded_objects(
                    { path, set in
                        guard let path, let set else { return }
                        set.assumingMemoryBound(to: Set<String>.self).pointee.insert(String(cString: path))
                    }, set)
            }
            return paths
        }
    }

    /// What a file was when this process first loaded it; loading it again gives what is there already.
    private struct First {
        var digest: String
        var changesFloatMode: Bool
        var others: [String]

        init(_ digest: String, _ opened: Opened) {
            (self.digest, changesFloatMode, others) = (digest, opened.changedFloatMode, opened.others)
        }
    }

    private struct FileNumber: Hashable {
        var device, inode: UInt
    }

    private static let firsts = Mutex<[FileNumber: First]>([:])

    private static func first(_ new: First, of file: borrowing FileDescriptor) -> First {
        var status = stat()
        fstat(file.handle, &status)
        let number = FileNumber(device: UInt(status.st_dev), inode: UInt(status.st_ino))
        return firsts.withLock { firsts in
            let first = firsts[number] ?? new
            firsts[number] = first
            return first
        }
    }

    private static func lastError() -> String { dlerror().map { String(cString: $0) } ?? "unknown reason" }

    /// Reads the ELF header, so that a file for another machine is named as such before anything is mapped.
    private static func checkHeader(_ file: borrowing FileDescriptor) throws {
        let path = file.path
        var header = [UInt8](repeating: 0, count: 20)
        guard pread(file.handle, &header, header.count, 0) == header.count,
            header.starts(with: [0x7f, 0x45, 0x4c, 0x46])
        else {
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
