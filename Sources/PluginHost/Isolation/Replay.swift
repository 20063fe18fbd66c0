import CShims
import Foundation
import Manifests
import OrderedCollections

/// Which component a process shall load, and with what.
struct Opening {
    var kind: Component.Kind
    var component: String
    var options: [String: JSON]
    var seed: UInt64
    var steps: Int
    var dataFolder: String
    /// Names the random streams, where a study can have several that must not share them.
    var key: String?
    /// What the plugin must be. A replay takes it as it is now.
    var expected: PluginDigests?

    fileprivate var text: String {
        let ordered = OrderedDictionary(uniqueKeysWithValues: options.sorted { $0.key < $1.key }.map { ($0, $1) })
        return JSON.object([
            "kind": .string(kind.rawValue), "component": .string(component), "options": .object(ordered),
            "seed": .string(String(seed)), "steps": .int(steps), "data": .string(dataFolder),
            "key": key.map(JSON.string) ?? .null,
        ]).text(pretty: false)
    }

    func write(to message: inout MessageWriter) throws {
        try message.put(text)
        try message.put(expected?.json.text(pretty: false) ?? "")
    }

    init(
        kind: Component.Kind, component: String, options: [String: JSON], seed: UInt64, steps: Int,
        dataFolder: String, key: String?, expected: PluginDigests? = nil
    ) {
        self.key = key
        (self.kind, self.component, self.options) = (kind, component, options)
        (self.seed, self.steps, self.dataFolder, self.expected) = (seed, steps, dataFolder, expected)
    }

    init(_ message: inout MessageReader) throws {
        try self.init(try StrictJSON.parse(try message.text(), file: ""))
        let digests = try message.text()
        if !digests.isEmpty { expected = PluginDigests(try StrictJSON.parse(digests, file: "").root) }
    }

    fileprivate init(_ document: Document) throws {
        let root = document.root
        guard let kind = root["kind"]?.string.flatMap(Component.Kind.init(rawValue:)),
            let component = root["component"]?.string, let seed = root["seed"]?.string.flatMap({ UInt64($0) }),
            let steps = root["steps"]?.int, let dataFolder = root["data"]?.string
        else { throw Channel.Broken.malformed }
        let options = Dictionary(uniqueKeysWithValues: (root["options"]?.object ?? [:]).map { ($0.key, $0.value) })
        self.init(
            kind: kind, component: component, options: options, seed: seed, steps: steps, dataFolder: dataFolder,
            key: root["key"]?.string)
    }
}

/// A call that failed in a process of its own, in a file: three lines (the plugin's folder, the opening, what the call was), then
/// the messages and the answers, each list and each item of it after its length in 8 bytes.
package enum Replay {
    /// Writes a file into a folder, which need not exist; returns what to do with it.
    static func write(
        _ opening: Opening, folder: String, what: String, _ record: CallRecord, to failures: String
    ) -> String? {
        let manager = FileManager.default
        try? manager.createDirectory(atPath: failures, withIntermediateDirectories: true)
        let number = ((try? manager.contentsOfDirectory(atPath: failures)) ?? []).count + 1
        let name = opening.component.replacingOccurrences(of: "/", with: ".")
        let file = "\(failures)/\(number)-\(name).replay"
        var data = Data("\(folder)\n\(opening.text)\n\(what)\n".utf8)
        func append(_ length: Int) { withUnsafeBytes(of: Int64(length)) { data.append(contentsOf: $0) } }
        for list in [record.messages, record.answers] {
            append(list.count)
            for item in list {
                append(item.count)
                data.append(item)
            }
        }
        guard manager.createFile(atPath: file, contents: data) else { return nil }
        return "repeat the call with: syzygy plugin replay \(file)"
    }

    /// Repeats the call in this process, without any limits: a debugger sees what happens. Returns what the call was.
    package static func run(_ file: String) throws -> String {
        let data = try Data(contentsOf: URL(fileURLWithPath: file))
        let lines = data.split(separator: UInt8(ascii: "\n"), maxSplits: 3, omittingEmptySubsequences: false)
        guard lines.count == 4, let opening = Opening(line: String(decoding: lines[1], as: UTF8.self)),
            let record = CallRecord(Data(lines[3])), !record.messages.isEmpty
        else {
            throw PluginError(file, "is no call to replay")
        }
        let folder = String(decoding: lines[0], as: UTF8.self), what = String(decoding: lines[2], as: UTF8.self)
        let (client, server) = try Channel.pair()
        let failure = Failure()
        let asking = Thread {
            do {
                try client.send(.open) { try opening.write(to: &$0) }
                try client.expectAnswer([])
                for message in record.messages {
                    try client.send(.call) { try $0.put(text: message) }
                    try client.expectAnswer(record.answers)
                }
            } catch {
                failure.sentence = "\(error)"
            }
            client.hangUp()
        }
        asking.start()
        SandboxServer(Registry(paths: [folder]), server).run()
        if let sentence = failure.sentence { throw PluginError(file, sentence) }
        return what
    }

    private final class Failure: @unchecked Sendable {
        var sentence: String?
    }
}

extension Opening {
    fileprivate init?(line: String) {
        guard let document = try? StrictJSON.parse(line, file: "") else { return nil }
        try? self.init(document)
    }
}

extension CallRecord {
    fileprivate init?(_ data: Data) {
        var rest = data[...]
        func length() -> Int? {
            guard rest.count >= 8 else { return nil }
            let value = rest.prefix(8).withUnsafeBytes { $0.loadUnaligned(as: Int64.self) }
            rest = rest.dropFirst(8)
            return value >= 0 && value <= rest.count ? Int(value) : nil
        }
        func list() -> [Data]? {
            guard let count = length() else { return nil }
            var items: [Data] = []
            for _ in 0..<count {
                guard let bytes = length() else { return nil }
                items.append(Data(rest.prefix(bytes)))
                rest = rest.dropFirst(bytes)
            }
            return items
        }
        guard let messages = list(), let answers = list() else { return nil }
        self.init()
        (self.messages, self.answers) = (messages, answers)
    }
}

extension MessageWriter {
    /// A whole message of a record.
    fileprivate mutating func put(text: Data) throws {
        let memory = try reserve(text.count)
        text.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { memory.copyMemory(from: base, byteCount: bytes.count) }
        }
    }
}

extension Channel {
    /// Two ends in this process.
    fileprivate static func pair() throws -> (client: Channel, server: Channel) {
        var ends: [Int32] = [-1, -1], asked: Int32 = -1, unused: Int32 = -1
        let size = 1 << 16
        guard sz_socket_pair(&ends) == 0 else { throw Broken.closed }
        let asking = sz_memory_file(Int64(size), &asked), answering = sz_memory_file(Int64(size), &unused)
        guard asking >= 0, answering >= 0 else { throw Broken.closed }
        close(unused)
        let request = try Region(asking, bytes: size, isWritable: true)
        let reply = try Region(answering, bytes: size, isWritable: true)
        let client = Channel(
            socket: ends[0], outgoing: request, incoming: try Region(dup(answering), bytes: size, isWritable: false)
        ) { _, bytes in try request.enlarge(bytes) }
        let server = Channel(
            socket: ends[1], outgoing: reply, incoming: try Region(asked, bytes: size, isWritable: false)
        ) { try $0.askForRoom($1) }
        return (client, server)
    }

    /// - Parameter answers: to what is asked back, in order.
    fileprivate func expectAnswer(_ answers: [Data]) throws {
        var answers = answers[...]
        while true {
            var (kind, message) = try receive()
            switch kind {
            case .answer: return
            case .failure: throw PluginError(try message.text(), try message.text())
            case .room: try giveRoom(message)
            default:
                guard let answer = answers.popFirst() else {
                    throw PluginError("the call", "asks for the network, which a replay does not have")
                }
                try send(.answer) { try $0.put(text: answer) }
            }
        }
    }

    fileprivate func hangUp() { shutdown(socket, Int32(SHUT_RDWR)) }
}
