import Foundation
import Studies
import Testing
import Viewing

/// Real requests over loopback.
@Suite("What syzygy view serves, and to whom", .serialized) struct ViewServerTests {
    private struct Answer: Sendable {
        var status = 0
        var headers: [String: String] = [:]
        var body = ""
    }

    /// Serves while `body` runs; it gets the port and the token.
    private func serve(_ folder: LiveFolder, _ body: (UInt16, String) async throws -> Void) async throws {
        let server = try ViewServer(folder.folder)
        let (addresses, sink) = AsyncStream.makeStream(of: String.self)
        let task = Task { try await server.run { sink.yield($0) } }
        defer { task.cancel() }
        let address = try #require(await addresses.first { _ in true })
        let parts = try #require(address.wholeMatch(of: /http:\/\/127\.0\.0\.1:(\d+)\/([0-9a-f]{32})\//))
        try await body(try #require(UInt16(parts.1)), String(parts.2))
    }

    /// One request, off the threads of the server.
    private func ask(_ port: UInt16, _ line: String, host: String? = nil) async throws -> Answer {
        let request = "\(line) HTTP/1.1\r\nHost: \(host ?? "127.0.0.1:\(port)")\r\nConnection: close\r\n\r\n"
        let data = try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try Self.exchange(port, request) }) }
        }
        let text = String(decoding: data, as: UTF8.self)
        let end = try #require(text.range(of: "\r\n\r\n"))
        let head = text[..<end.lowerBound].components(separatedBy: "\r\n")
        var answer = Answer(
            status: try #require(Int(head[0].split(separator: " ")[1])), body: String(text[end.upperBound...]))
        for line in head.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            answer.headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        return answer
    }

    private static func exchange(_ port: UInt16, _ request: String) throws -> Data {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isOpen = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isOpen else { throw CocoaError(.fileReadUnknown) }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
        try handle.write(contentsOf: Data(request.utf8))
        return try handle.readToEnd() ?? Data()
    }

    @Test func thePageHasEverythingAndItsHeaders() async throws {
        let folder = try LiveFolder()
        try await serve(folder) { port, token in
            let page = try await ask(port, "GET /\(token)/")
            #expect(page.status == 200 && page.headers["content-type"] == "text/html; charset=utf-8")
            let policy = try #require(page.headers["content-security-policy"])
            #expect(policy.hasPrefix("default-src 'none'; ") && !policy.contains("unsafe") && !policy.contains("*"))
            #expect(page.headers["x-content-type-options"] == "nosniff")
            #expect(page.headers["referrer-policy"] == "no-referrer" && page.headers["cache-control"] == "no-store")
            #expect(page.headers["cross-origin-resource-policy"] == "same-origin")
            // Nothing from elsewhere, nothing that the policy would have to allow inside.
            for text in ["http:", "https:", "//", "style=", "onclick", "<style", "report.html"] {
                #expect(!page.body.contains(text), "\(text)")
            }
            #expect(page.body.contains("<b>1</b><span>of 6 runs has a result"))
            #expect(page.body.contains("test.loss") && page.body.contains("lr=0.3 seed=2"))
            let style = try await ask(port, "GET /\(token)/style.css")
            #expect(style.status == 200 && style.headers["content-type"] == "text/css; charset=utf-8")
            let script = try await ask(port, "GET /\(token)/script.js")
            #expect(script.status == 200 && !script.body.contains("innerHTML"))
        }
    }

    @Test func everythingElseIsTheSameNothing() async throws {
        let folder = try LiveFolder()
        try await serve(folder) { port, token in
            let wrong = String(token.dropLast()) + (token.hasSuffix("0") ? "1" : "0")
            let lines = [
                "GET /", "GET //", "GET /\(token)", "GET /\(wrong)/", "GET /\(token.dropLast())/",
                "GET /\(token.uppercased().replacing("0", with: "O"))/", "GET /\(token)/study.json",
                "GET /\(token)/../study.json", "GET /\(token)/runs/r0-s0/run.json", "GET /\(token)/%2e%2e/study.json",
                "GET /\(token)/..%2fstudy.json", "GET /\(token)/report.html/../study.json", "GET //\(token)/",
                "GET /\(token)/report.html", "HEAD /\(token)/", "POST /\(token)/", "OPTIONS /\(token)/",
                "DELETE /\(token)/live", "GET http://127.0.0.1:\(port)/\(token)/x",
            ]
            for line in lines {
                let answer = try await ask(port, line)
                #expect(answer.status == 404 && answer.body.isEmpty, "\(line)")
                #expect(answer.headers == ["cache-control": "no-store", "content-length": "0"], "\(line)")
            }
            for host in [
                "evil.example", "evil.example:\(port)", "127.0.0.1", "127.0.0.1:\(port &+ 1)", "localhost",
                "127.0.0.1:\(port).evil.example", "[::1]:\(port)", "",
            ] {
                #expect(try await ask(port, "GET /\(token)/", host: host).status == 404, "\(host)")
            }
            #expect(try await ask(port, "GET /\(token)/", host: "localhost:\(port)").status == 200)
        }
    }

    @Test func onlyThePartsThatChangedAreSent() async throws {
        let folder = try LiveFolder()
        try await serve(folder) { port, token in
            func parts(_ body: String) -> [String: String] {
                Dictionary(
                    uniqueKeysWithValues: body.matches(of: /id="(\w+)" class="part" data-version="(\w+)"/).map {
                        (String($0.1), String($0.2))
                    })
            }
            let first = parts(try await ask(port, "GET /\(token)/live").body)
            #expect(first.keys.sorted() == ["curves", "failures", "head", "layers", "now", "outputs", "runs"])
            let have = first.map { "\($0.key):\($0.value)" }.joined(separator: ",")
            #expect(try await ask(port, "GET /\(token)/live?have=\(have)").body.isEmpty)
            try folder.write(1, 1, .failed, step: 7, message: "no <memory>")
            // The server looks twice a second.
            var body = ""
            let deadline = ContinuousClock.now + .seconds(30)
            while body.isEmpty, ContinuousClock.now < deadline {
                body = try await ask(port, "GET /\(token)/live?have=\(have)").body
            }
            #expect(parts(body).keys.sorted() == ["failures", "head", "runs"])
            #expect(body.contains("no &lt;memory&gt;") && body.contains("last words &lt;of&gt; it"))
            // Another choice, other curves.
            let other = try await ask(port, "GET /\(token)/live?output=alp&have=\(have)").body
            #expect(parts(other).keys.contains("curves") && other.contains("<h3>crh.alpha</h3>"))
            #expect(other.contains(">fc1</text>") && other.contains(">head</text>"))
            let layer = try await ask(port, "GET /\(token)/live?output=crh.alpha&layer=fc1").body
            #expect(!layer.contains(">head</text>") && layer.contains("<option selected>fc1</option>"))
            let chosen = try await ask(port, "GET /\(token)/live?where=lr%3D0.3").body
            #expect(chosen.contains("lr=0.3 <b>0.4</b>") && !chosen.contains("lr=0.1 <b>"))
            let mistake = try await ask(port, "GET /\(token)/live?where=lt%3D0.3&output=%3Cb%3E").body
            #expect(mistake.contains("no run has a &#39;lt&#39;; did you mean &#39;lr&#39;?"))
            #expect(!mistake.contains("<b>0"))
            let found = try await ask(port, "GET /\(token)/live?find=failed").body
            #expect(found.contains("1 of 6 runs") && !found.contains("<th scope=\"row\">lr=0.1 seed=2</th>"))
        }
    }

    /// An output that the first run does not have, asked for first of all.
    @Test func whatHasNoValueSaysWhy() async throws {
        let folder = try LiveFolder()
        let file = folder.folder.observationsFile(LiveFolder.name(1, 0))
        let text = try String(contentsOfFile: file, encoding: .utf8) + "40,flat,slope,,,,zero_variance\n"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        try await serve(folder) { port, token in
            let first = try await ask(port, "GET /\(token)/live?output=slope").body
            #expect(first.contains("No run has recorded &#39;slope&#39; yet."))
            #expect(first.contains("<option value=\"flat.slope\">"))
            let second = try await ask(port, "GET /\(token)/live?output=slope").body
            #expect(second.contains("No value: zero_variance.") && !second.contains("svg class=\"chart\""))
        }
    }

    @Test func aTitleIsText() async throws {
        let title = "</script><b>&\"'"
        let folder = try LiveFolder(title: title)
        try await serve(folder) { port, token in
            let body = try await ask(port, "GET /\(token)/").body
            #expect(body.contains("<title>&lt;/script&gt;&lt;b&gt;&amp;&quot;&#39;</title>"))
            #expect(body.contains("data-title=\"33 % · &lt;/script&gt;&lt;b&gt;&amp;&quot;&#39;\""))
            #expect(!body.contains(title) && body.components(separatedBy: "</script>").count == 2)
        }
    }

    @Test func theReportIsServedOnceItIsThereAndNoLink() async throws {
        let folder = try LiveFolder()
        try await serve(folder) { port, token in
            let secret = folder.path + ".secret"
            try Data("secret".utf8).write(to: URL(fileURLWithPath: secret))
            defer { try? FileManager.default.removeItem(atPath: secret) }
            try FileManager.default.createSymbolicLink(
                atPath: folder.folder.reportFile, withDestinationPath: secret)
            #expect(try await ask(port, "GET /\(token)/report.html").status == 404)
            try FileManager.default.removeItem(atPath: folder.folder.reportFile)
            try Data("<p>done".utf8).write(to: URL(fileURLWithPath: folder.folder.reportFile))
            let report = try await ask(port, "GET /\(token)/report.html")
            #expect(report.body == "<p>done")
            let policy = report.headers["content-security-policy"] ?? ""
            #expect(
                policy.hasPrefix("sandbox ") && policy.contains("default-src 'none'") && !policy.contains("connect"))
            #expect(try await ask(port, "GET /\(token)/").body.contains("href=\"report.html\""))
        }
    }

    @Test func aThousandRunsAreSentInPages() async throws {
        let folder = try LiveFolder()
        let names = (0..<1003).map { "\"x\($0)\"" }.joined(separator: ", ")
        try Data("{\"study\": \"many\", \"runs\": [\(names)]}".utf8).write(
            to: URL(fileURLWithPath: folder.folder.studyFile))
        try await serve(folder) { port, token in
            let page = try await ask(port, "GET /\(token)/")
            #expect(page.body.count < 40_000 && page.body.contains("page 1 of 11"))
            let last = try await ask(port, "GET /\(token)/live?page=99").body
            #expect(last.contains("page 11 of 11") && last.contains(">x1002<") && !last.contains(">x999<"))
        }
    }

    @Test func mistakesAreSaid() async throws {
        let empty = StudyFolder(NSTemporaryDirectory() + "syzygy-no-study")
        do {
            _ = try ViewServer(empty)
            Issue.record("no error")
        } catch {
            #expect("\(error)" == "\(empty.path): no study.json here; expected the folder that 'syzygy run' wrote")
        }
        let folder = try LiveFolder()
        try await serve(folder) { port, _ in
            let second = try ViewServer(folder.folder, port: port)
            await #expect(throws: StudyError.self) { try await second.run { _ in } }
        }
    }

    /// Each server has a token of its own.
    @Test func tokensDiffer() async throws {
        let folder = try LiveFolder()
        try await serve(folder) { first, one in
            try await serve(folder) { second, other in
                #expect(first != second && one != other)
                let statuses = [try await ask(first, "GET /\(other)/"), try await ask(second, "GET /\(other)/")]
                #expect(statuses.map(\.status) == [404, 200])
            }
        }
    }
}
