import ArrayFiles
import Foundation
import Manifests
import Testing

/// Files of plugins: no link leads out of the folder, and nobody else can write them.
@Suite struct PluginFolderTests {
    /// `plugin` with files and links, beside a secret; gone with its owner.
    private final class Tree {
        let root = FileManager.default.temporaryDirectory.path + "/syzygy-folder-\(UUID().uuidString)"
        var plugin: String { root + "/plugin" }

        init() throws {
            let manager = FileManager.default
            try manager.createDirectory(atPath: plugin + "/target/release", withIntermediateDirectories: true)
            try write("inside", "target/release/libx.so")
            try write("manifest", "plugin.json")
            try Data("secret".utf8).write(to: URL(fileURLWithPath: root + "/secret"))
            for (name, target) in [
                ("libx.so", "target/release/libx.so"), ("out.so", "../secret"), ("absolute.so", root + "/secret"),
                ("same.so", plugin + "/plugin.json"), ("up", ".."), ("loop", "loop"), ("proc.so", "/proc/self/exe"),
                ("build", "target/release"),
            ] {
                try manager.createSymbolicLink(atPath: plugin + "/" + name, withDestinationPath: target)
            }
        }

        deinit { try? FileManager.default.removeItem(atPath: root) }

        func write(_ text: String, _ name: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: plugin + "/" + name))
        }

        func read(_ name: String, withoutOpenat2: Bool = false) throws -> String {
            let file = try PluginFolder(plugin).open(name, withoutOpenat2: withoutOpenat2)
            return String(decoding: try file.contents(), as: UTF8.self)
        }

        func failure(_ name: String, withoutOpenat2: Bool = false) -> String {
            (#expect(throws: FileError.self) { try read(name, withoutOpenat2: withoutOpenat2) })?.message ?? ""
        }

        func setMode(_ mode: Int, _ name: String = "") throws {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: plugin + name)
        }
    }

    @Test func linksWithinTheFolderAreFollowed() throws {
        let tree = try Tree()
        #expect(try tree.read("libx.so") == "inside")
        #expect(try tree.read("build/libx.so") == "inside")
        #expect(try tree.read("target/release/libx.so") == "inside")
    }

    @Test(arguments: [
        "out.so", "absolute.so", "same.so", "up/secret", "up/plugin/plugin.json", "proc.so", "../secret",
    ])
    func aLinkThatLeadsOutIsRefused(_ name: String) throws {
        let tree = try Tree()
        #expect(tree.failure(name).hasPrefix("leads out of the plugin's folder"))
    }

    @Test func theTargetOfTheLinkIsNamed() throws {
        #expect(
            try Tree().failure("out.so")
                == "leads out of the plugin's folder ('../secret'); put the file itself there, or install the plugin as a "
                + "link to its whole folder")
    }

    /// The plugin may be installed by a link to its folder.
    @Test func theFolderItselfMayBeALink() throws {
        let tree = try Tree()
        try FileManager.default.createSymbolicLink(atPath: tree.root + "/installed", withDestinationPath: "plugin")
        let file = try PluginFolder(tree.root + "/installed").open("libx.so")
        #expect(try file.contents() == Array("inside".utf8))
    }

    /// Kernels before 5.6: component by component, and no links at all.
    @Test func withoutOpenat2NoLinkIsFollowed() throws {
        let tree = try Tree()
        #expect(try tree.read("target/release/libx.so", withoutOpenat2: true) == "inside")
        for name in ["libx.so", "out.so", "absolute.so", "up/secret", "build/libx.so"] {
            #expect(tree.failure(name, withoutOpenat2: true).hasPrefix("is or is behind a symbolic link"), "\(name)")
        }
        for name in ["../secret", "target/../../secret", "/etc/passwd"] {
            #expect(tree.failure(name, withoutOpenat2: true).hasPrefix("leads out"), "\(name)")
        }
    }

    @Test func whatIsNoFileIsNamed() throws {
        let tree = try Tree()
        for withoutOpenat2 in [false, true] {
            #expect(
                tree.failure("none.so", withoutOpenat2: withoutOpenat2)
                    == "cannot be opened: No such file or directory")
            #expect(tree.failure("target", withoutOpenat2: withoutOpenat2) == "is not a regular file")
        }
        #expect(tree.failure("loop").contains("symbolic link"))
    }

    @Test func whatEveryoneCanWriteIsRefused() throws {
        let tree = try Tree()
        try tree.setMode(0o646, "/plugin.json")
        let owner = NSUserName()
        #expect(
            tree.failure("plugin.json")
                == "can be written by everyone (mode 646, owner \(owner)), so anyone could change what runs here: "
                + "chmod o-w '\(tree.plugin)/plugin.json'")
        try tree.setMode(0o757, "/target")
        #expect(tree.failure("target/release/libx.so").hasSuffix("chmod o-w '\(tree.plugin)/target'"))
        try tree.setMode(0o777)
        #expect(tree.failure("libx.so").hasSuffix("chmod o-w '\(tree.plugin)'"))
        let error = #expect(throws: ManifestError.self) { try Manifest.load(folder: tree.plugin) }
        #expect(error?.description.hasPrefix("\(tree.plugin): can be written by everyone (mode 777, ") == true)
        for (mode, name) in [(0o755, ""), (0o755, "/target"), (0o644, "/plugin.json")] {
            try tree.setMode(mode, name)
        }
        #expect(try tree.read("plugin.json") == "manifest")
    }

    // MARK: The rule itself

    private let trust = FileTrust(owners: [0, 4_000_001])

    private func problem(_ mode: UInt32, owner: UInt32 = 0, group: UInt32 = 0, hasList: Bool = false) -> String? {
        trust.problem("/p/it's", mode: 0o100000 | mode, owner: owner, group: group, hasList: hasList)
    }

    @Test func theUserAndRootAreTrusted() {
        #expect(problem(0o644) == nil)
        #expect(problem(0o700, owner: 4_000_001, group: 4_000_001) == nil)
        #expect(
            problem(0o644, owner: 4_000_002)?.hasPrefix(
                "belongs to another user (mode 644, owner 4000002), who could ")
                == true)
        #expect(problem(0o644, owner: 4_000_002)?.contains("SYZYGY_TRUSTED_OWNERS=4000002") == true)
        #expect(problem(0o646)?.hasSuffix("chmod o-w '/p/it'\\''s'") == true)
    }

    /// umask 002 is for systems on which each user has a group of its own.
    @Test func aGroupMayWriteIfItIsTheOwnerAlone() {
        #expect(problem(0o664) == nil, "the group root")
        #expect(
            problem(0o664, owner: 4_000_001, group: 4_000_001) == nil, "a number without a name, as in containers")
        let other = problem(0o664, owner: 4_000_001, group: 4_000_009)
        #expect(
            other
                == "can be written by the group 4000009 (mode 664, owner 4000001), so its members could change what runs "
                + "here: chmod g-w '/p/it'\\''s'")
        #expect(problem(0o644, owner: 4_000_001, group: 4_000_009) == nil)
        #expect(problem(0o664, hasList: true)?.contains("whom its access control list names") == true)
    }
}
