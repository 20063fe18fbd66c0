import Foundation
import Testing

/// `syzygy view` in a browser and `syzygy watch` in a terminal, while a real study runs.
@Suite("Live pages and terminals") struct ViewTests {
    private static let study = """
        study: live
        title: "</script><b>Live"
        dataset: {plugin: digits, train_rows: 300, test_rows: 101}
        model: {plugin: mlp, widths: [17], activation: tanh}
        loss: {plugin: cross_entropy}
        optimizer: {plugin: sgd, lr: 0.1}
        train: {steps: 100000000, batch_size: 32}
        probes:
          test: {plugin: performance, split: test, at: {every: 500}}
        sweep:
          optimizer.lr: [0.1, 0.3]

        """

    /// A child of this process until the end of the test.
    private final class Child {
        let process = Process()
        let output = Pipe()
        private var said = ""

        init(_ arguments: [String], with program: String = Tool.executable.path, in scratch: Scratch) throws {
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = arguments
            process.currentDirectoryURL = URL(fileURLWithPath: scratch.path)
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = output
            process.standardError = FileHandle.standardError
            try process.run()
        }

        deinit { end(SIGKILL) }

        func end(_ signal: Int32) {
            if process.isRunning { kill(process.processIdentifier, signal) }
            process.waitUntilExit()
        }

        /// Waits for text and returns all until then.
        func read(until text: String, times: Int = 1) throws -> String {
            while said.components(separatedBy: text).count <= times {
                let more = try output.fileHandleForReading.more()
                guard !more.isEmpty else { throw CocoaError(.fileReadUnknown) }
                said += String(decoding: more, as: UTF8.self)
            }
            return said
        }
    }

    /// Ctrl-C, and what runs have measured stays.
    private func stop(_ run: Child) { run.end(SIGINT) }

    @Test(.enabled(if: Browser.isHere)) func thePageFollowsARun() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        let run = try Child(["run", "s.yaml", "--out", "out", "--jobs", "2", "--quiet"], in: scratch)
        let deadline = Date(timeIntervalSinceNow: 300)
        while !FileManager.default.fileExists(atPath: scratch.path + "/out/study.json"), Date() < deadline {}
        let view = try Child(["view", "out"], in: scratch)
        let address = try view.read(until: "\n").trimmingCharacters(in: .newlines)

        let browser = try Browser(width: 1200, height: 1400)
        try browser.open(address)
        #expect(try browser.run("return document.querySelector('h1').textContent") == "</script><b>Live")
        try browser.wait(until: "document.querySelectorAll('#now tbody tr').length == 2")
        // The default: loss until something is recorded, then the first output.
        try browser.wait(until: "document.querySelector('#curves h3')?.textContent == 'test.loss'")
        let curve = "document.querySelector('#curves svg .thin .l').getAttribute('d').length"
        let first = try browser.run("return \(curve)", as: Int.self)
        try browser.wait(until: "\(curve) > \(first)")
        #expect(try browser.run("return document.title", as: String.self).hasSuffix(" % · </script><b>Live"))

        // What one types is not replaced by what comes.
        try browser.type("accu", into: "#output")
        try browser.wait(until: "document.querySelector('#curves h3')?.textContent == 'test.accuracy'")
        #expect(try browser.run("return document.querySelector('#output').value") == "accu")
        #expect(try browser.run("return location.search") == "?output=accu")
        try browser.type("lr=0.3", into: "#where")
        try browser.wait(until: "document.querySelectorAll('#curves .thin').length == 1")

        // Another tab has its own choice.
        let other = try Browser()
        try other.open(address)
        try other.wait(until: "document.querySelector('#curves h3')?.textContent == 'test.loss'")

        stop(run)
        try browser.wait(until: "document.querySelector('#now').textContent.includes('No process computes')")
        // Shorter runs of the same folder: the plan changes, the page follows to the report.
        let rest = try Tool.run(["run", "s.yaml", "--out", "out", "--quiet", "train.steps=1000"], in: scratch)
        #expect(rest.status == 0, "\(rest.errors)")
        try browser.wait(until: "document.querySelector('#now').textContent == 'All runs have results.'")
        try browser.wait(until: "document.querySelectorAll('#runs td.finished').length == 2")
        #expect(try browser.run("return document.title") == "</script><b>Live")

        // Nothing was asked of anybody else, and no policy was violated.
        let asked = try browser.run(
            "return performance.getEntries().filter(e => e.name.includes(':')).map(e => e.name)", as: [String].self)
        #expect(asked.count > 3 && asked.allSatisfy { $0.hasPrefix(address) }, "\(asked)")
        #expect(try browser.complaints().isEmpty)

        view.end(SIGTERM)
        try browser.wait(until: "document.querySelector('#connection').textContent.startsWith('Not connected')")
        let port = try #require(URL(string: address)?.port)
        let again = try Child(["view", "out", "--port", "\(port)"], in: scratch)
        let second = try again.read(until: "\n").trimmingCharacters(in: .newlines)
        #expect(second != address)
        try browser.wait(until: "document.querySelector('#connection').textContent.startsWith('Another server')")
        try browser.open(second)
        try browser.click("nav a")
        try browser.wait(until: "document.querySelector('#numbers') != null")
    }

    @Test func mistakesOfView() throws {
        let scratch = try Scratch()
        let result = try Tool.run(["view", "nothing"], in: scratch)
        #expect(result.status == 64 && result.output.isEmpty)
        #expect(result.errors == "nothing: no study.json here; expected the folder that 'syzygy run' wrote\n")
    }

    /// A terminal of util-linux's script, 25 lines of 90 characters.
    @Test func watchLeavesTheTerminalAsItWas() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        let command = "stty cols 90 rows 25; exec '\(Tool.executable.path)' watch out"
        let watch = try Child(
            ["-qfec", command, "/dev/null"], with: "/usr/bin/script", in: scratch)
        // Before the study has begun.
        _ = try watch.read(until: "waits for out/study.json, which 'syzygy run' writes")
        let result = try Tool.run(
            ["run", "s.yaml", "--out", "out", "--quiet", "train.steps=2000", "seeds=0..2"], in: scratch)
        #expect(result.status == 0, "\(result.errors)")
        // It ends by itself, with what 'syzygy status' says.
        let said = try watch.read(until: "6 runs in out: 6 finished")
        watch.process.waitUntilExit()
        #expect(watch.process.terminationStatus == 0)
        #expect(said.hasPrefix("\u{1B}[?1049h\u{1B}[?25l") && said.contains("test.loss"))
        let end = try #require(said.range(of: "\u{1B}[?25h\u{1B}[?1049l"))
        #expect(said[end.upperBound...].hasPrefix("live: </script><b>Live\r\n6 runs in out: 6 finished"))
        #expect(said.components(separatedBy: "\u{1B}[?1049l").count == 2)
    }

    @Test func watchIsInterrupted() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        let run = try Child(["run", "s.yaml", "--out", "out", "--jobs", "2", "--quiet"], in: scratch)
        let command =
            "stty cols 90 rows 25; exec '\(Tool.executable.path)' watch out --every 600 --output 'test.acc*'"
        let watch = try Child(["-qfec", command, "/dev/null"], with: "/usr/bin/script", in: scratch)
        _ = try watch.read(until: "\u{1B}[?25l")
        // Long waits end with the signal.
        let tool = try #require(try Self.child(named: "watch out", scratch))
        kill(tool, SIGINT)
        let said = try watch.read(until: "\u{1B}[?1049l")
        watch.process.waitUntilExit()
        #expect(watch.process.terminationStatus == 130 && said.contains("\u{1B}[?25h"))
        stop(run)
    }

    /// Ctrl-Z gives the shell its screen; `fg` brings ours back.
    @Test func watchIsStoppedAndGoesOn() throws {
        let scratch = try Scratch()
        let command = "stty cols 90 rows 25; set -m; '\(Tool.executable.path)' watch out --every 600; echo shell; fg"
        try scratch.write(command, to: "job.sh")
        let watch = try Child(["-qfec", "bash job.sh", "/dev/null"], with: "/usr/bin/script", in: scratch)
        _ = try watch.read(until: "waits for out/study.json")
        let tool = try #require(try Self.child(named: "watch out", scratch))
        kill(tool, SIGTSTP)
        let stopped = try watch.read(until: "shell")
        #expect(stopped.components(separatedBy: "\u{1B}[?25h\u{1B}[?1049l").count == 2)
        let again = try watch.read(until: "waits for out/study.json", times: 2)
        #expect(again.components(separatedBy: "\u{1B}[?1049h\u{1B}[?25l").count == 3)
        kill(tool, SIGINT)
        _ = try watch.read(until: "\u{1B}[?25h\u{1B}[?1049l", times: 2)
        watch.process.waitUntilExit()
        #expect(watch.process.terminationStatus == 130)
    }

    /// By the program that the desktop has for it; where that fails, the address is said again.
    @Test func theBrowserIsOpened() throws {
        let scratch = try Scratch()
        try scratch.write(#"{"study": "none", "runs": []}"#, to: "out/study.json")
        try scratch.write("#!/bin/sh\necho \"$1\" >opened\nexit 3\n", to: "bin/xdg-open")
        chmod(scratch.path + "/bin/xdg-open", 0o755)
        let command = "PATH='\(scratch.path)/bin':$PATH exec '\(Tool.executable.path)' view out --open 2>&1"
        let view = try Child(["-c", command], with: "/bin/sh", in: scratch)
        let said = try view.read(until: " by hand\n")
        let address = try scratch.read("opened").trimmingCharacters(in: .newlines)
        #expect(said == "\(address)\n--open: xdg-open ended with status 3; open \(address) by hand\n")
    }

    /// The process of this test with these words.
    private static func child(named words: String, _ scratch: Scratch) throws -> pid_t? {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.first { process in
            let line = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
            let text = String(decoding: line, as: UTF8.self).replacing("\0", with: " ")
            let folder = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/cwd")
            return text.hasPrefix(Tool.executable.path) && text.contains(words) && folder == scratch.path
        }
    }

    @Test func linesWhereNoTerminalIs() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        let watch = try Child(["watch", "out", "--every", "0.1"], in: scratch)
        _ = try watch.read(until: "waits for out/study.json, which 'syzygy run' writes\n")
        _ = try Tool.run(["run", "s.yaml", "--out", "out", "--quiet", "train.steps=4000"], in: scratch)
        let said = try watch.read(until: "100 %: 2 finished\n")
        watch.process.waitUntilExit()
        #expect(watch.process.terminationStatus == 0)
        #expect(said.contains("live: </script><b>Live\n2 runs: ") && !said.contains("\u{1B}"))
        #expect(said.contains("  finished  lr=0.1 seed=0\n") || said.contains("\n2 runs: 1 finished"))
        // Of a study that is over at once.
        let after = try Tool.run(["watch", "out"], in: scratch)
        #expect(after.status == 0)
        #expect(after.output == "live: </script><b>Live\n2 runs: 2 finished\n100 %: 2 finished\n")
        let mistake = try Tool.run(["watch", "out", "--every", "0"], in: scratch)
        #expect(
            mistake.status == 64 && mistake.errors.contains("--every must be between 0.1 and 3600 seconds, got 0.0"))
    }
}
