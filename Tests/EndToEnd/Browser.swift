import Foundation
import Testing

/// A headless Chromium, driven through chromedriver (W3C WebDriver). It ends with its owner, and so does its profile.
final class Browser {
    struct Failure: Error, CustomStringConvertible { var description: String }

    /// Where tests that need it run; where `CI` is set they do not pass without it.
    static var isHere: Bool { driver != nil || ProcessInfo.processInfo.environment["CI"] != nil }
    private static let driver = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        .map { "\($0)/chromedriver" }.first(where: FileManager.default.isExecutableFile)

    private let profile: Scratch
    private let process = Process()
    private var port: UInt16 = 0
    private var session = ""

    /// - Parameters:
    ///   - isDark: what the system asks pages for.
    init(width: Int = 1200, height: Int = 900, isDark: Bool = false) throws {
        guard let driver = Browser.driver else {
            throw Failure(description: "no chromedriver on PATH: apt-get install chromium chromium-driver")
        }
        profile = try Scratch()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: driver)
        process.arguments = ["--port=0"]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        var said = ""
        // It chooses a free port and says which.
        while port == 0 {
            let more = try output.fileHandleForReading.more()
            guard !more.isEmpty else { throw Failure(description: "chromedriver did not start: \(said)") }
            said += String(decoding: more, as: UTF8.self)
            port = said.firstMatch(of: /successfully on port (\d+)\./).flatMap { UInt16($0.1) } ?? 0
        }
        let options: [String: Any] = [
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                "--user-data-dir=\(profile.path)", "--window-size=\(width),\(height)",
            ] + (isDark ? ["--blink-settings=preferredColorScheme=0"] : [])
        ]
        let wanted: [String: Any] = [
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": ["browser": "ALL"],
        ]
        let asked = ["capabilities": ["alwaysMatch": wanted]]
        guard let id = (try call("POST", "/session", asked) as? [String: Any])?["sessionId"] as? String else {
            throw Failure(description: "chromedriver began no session")
        }
        session = "/session/\(id)"
    }

    deinit {
        // With all its browsers.
        let isGone = (try? call("GET", "/shutdown")) != nil
        // Where it does not hear, the thread that started it may have blocked the gentler signals.
        if !isGone { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    func open(_ address: String) throws { try call("POST", session + "/url", ["url": address]) }
    func open(file path: String, _ fragment: String = "") throws { try open("file://\(path)\(fragment)") }

    /// The value of a script's `return`; arguments are its `arguments`.
    func run<Value>(_ script: String, _ arguments: Any..., as type: Value.Type = Value.self) throws -> Value {
        let value = try call("POST", session + "/execute/sync", ["script": script, "args": arguments])
        guard let value = value as? Value else {
            throw Failure(description: "'\(script)' gave \(value), expected \(Value.self)")
        }
        return value
    }

    /// Waits until a script's value is true.
    func wait(until script: String, seconds: Double = 120) throws {
        let end = Date(timeIntervalSinceNow: seconds)
        while try !run("return !!(\(script))", as: Bool.self) {
            guard Date() < end else { throw Failure(description: "after \(seconds) s still not: \(script)") }
        }
    }

    func click(_ selector: String) throws { try call("POST", session + "/element/\(find(selector))/click", [:]) }
    func type(_ text: String, into selector: String) throws {
        try call("POST", session + "/element/\(find(selector))/value", ["text": text])
    }

    /// Presses keys where the focus is. Keys without a character have WebDriver's: Escape U+E00C, arrows U+E012 to U+E015.
    func press(_ keys: String) throws {
        let actions = keys.flatMap { key in ["keyDown", "keyUp"].map { ["type": $0, "value": String(key)] } }
        try call("POST", session + "/actions", ["actions": [["type": "key", "id": "keys", "actions": actions]]])
    }

    /// Moves the pointer to a place in an element, in pixels from its middle.
    func hover(_ selector: String, x: Int = 0, y: Int = 0) throws {
        // What the page does when it is scrolled comes with the next frame, before the pointer moves.
        let script = """
            document.querySelector(arguments[0]).scrollIntoView({block: 'center', behavior: 'instant'});
            requestAnimationFrame(() => requestAnimationFrame(() => arguments[1](0)));
            """
        try call("POST", session + "/execute/async", ["script": script, "args": [selector]])
        let origin = ["element-6066-11e4-a52e-4f735466cecf": try find(selector)]
        let move: [String: Any] = ["type": "pointerMove", "duration": 0, "x": x, "y": y, "origin": origin]
        try call("POST", session + "/actions", ["actions": [["type": "pointer", "id": "mouse", "actions": [move]]]])
    }

    func resize(width: Int, height: Int) throws {
        try call("POST", session + "/window/rect", ["width": width, "height": height])
    }

    func screenshot(to file: String) throws {
        let text = try call("GET", session + "/screenshot") as? String ?? ""
        try Data(base64Encoded: text)?.write(to: URL(fileURLWithPath: file))
    }

    /// What the console of the page said since the last call: errors of scripts, files that are missing.
    func complaints() throws -> [String] {
        let log = try call("POST", session + "/se/log", ["type": "browser"]) as? [[String: Any]] ?? []
        return log.compactMap { $0["message"] as? String }
    }

    private func find(_ selector: String) throws -> String {
        let found =
            try call("POST", session + "/element", ["using": "css selector", "value": selector]) as? [String: String]
        return found?.values.first ?? ""
    }

    @discardableResult
    private func call(_ method: String, _ path: String, _ body: [String: Any]? = nil) throws -> Any {
        let text = try body.map { try JSONSerialization.data(withJSONObject: $0) } ?? Data()
        let answer = try exchange("\(method) \(path)", text)
        let value = (try JSONSerialization.jsonObject(with: answer) as? [String: Any])?["value"] ?? NSNull()
        if let failure = value as? [String: Any], let error = failure["error"] {
            throw Failure(description: "\(method) \(path): \(error): \(failure["message"] ?? "")")
        }
        return value
    }

    /// One request of HTTP/1.1 over a connection of its own. (Foundation refuses chromedriver's headers, which have no space after the colon.)
    private func exchange(_ request: String, _ body: Data) throws -> Data {
        func failure(_ what: String) -> Failure {
            Failure(description: "\(request): \(what): \(String(cString: strerror(errno)))")
        }
        let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(connection) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isOpen = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isOpen else { throw failure("no connection to chromedriver") }
        let head = "\(request) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: \(body.count)\r\n\r\n"
        let handle = FileHandle(fileDescriptor: connection, closeOnDealloc: false)
        try handle.write(contentsOf: Data(head.utf8) + body)
        var answer = Data()
        while true {
            if let end = answer.range(of: Data("\r\n\r\n".utf8)) {
                let header = String(decoding: answer[..<end.lowerBound], as: UTF8.self)
                let length = header.firstMatch(of: /Content-Length: *(\d+)/).flatMap { Int($0.1) } ?? 0
                if answer.count - end.upperBound >= length { return answer[end.upperBound...] }
            }
            let more = try handle.more()
            guard !more.isEmpty else { throw failure("chromedriver hung up") }
            answer += more
        }
    }
}

@Suite(.enabled(if: Browser.isHere)) struct BrowserTests {
    @Test func aPageIsDriven() throws {
        let scratch = try Scratch()
        try scratch.write(
            """
            <!DOCTYPE html><meta charset="utf-8"><title>seven</title><input id="name">
            <button id="go" onclick="this.textContent = document.querySelector('#name').value + ' ✓'">go</button>
            <div id="place" style="width:90px;height:70px" onmousemove="this.textContent = event.offsetX + ' ' + event.offsetY"></div>
            """, to: "page.html")
        let browser = try Browser(width: 700, height: 500)
        try browser.open(file: scratch.path + "/page.html")
        #expect(try browser.run("return document.title", as: String.self) == "seven")
        try browser.type("né", into: "#name")
        try browser.press("xy")
        try browser.click("#go")
        try browser.wait(until: "document.querySelector('#go').textContent == 'néxy ✓'")
        try browser.hover("#place", x: 5, y: -10)
        try browser.wait(until: "document.querySelector('#place').textContent == '50 25'")
        try browser.screenshot(to: scratch.path + "/page.png")
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/page.png")).starts(with: [
                0x89, 0x50, 0x4E, 0x47,
            ]))
        #expect(try browser.complaints().isEmpty)
        #expect(throws: Browser.Failure.self) { try browser.run("return arguments[0] + 1", 2, as: String.self) }
        #expect(throws: Browser.Failure.self) { try browser.click("#nothing") }
    }

    @Test func aPageLearnsWhatTheSystemAsksFor() throws {
        for isDark in [false, true] {
            let browser = try Browser(isDark: isDark)
            try browser.open("data:text/html,<p>p")
            #expect(
                try browser.run("return matchMedia('(prefers-color-scheme: dark)').matches", as: Bool.self) == isDark)
        }
    }
}
