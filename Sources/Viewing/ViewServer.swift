import FlyingFox
import Foundation
import Reporting
import Studies

/// The page of a study, served to this machine alone.
///
/// Whoever knows the token may read: it is in the address that is printed, and a page of another origin cannot guess it. Everything else gets the
/// same empty 404. Of files only `report.html` is served, by a fixed name.
package struct ViewServer: Sendable {
    private let viewer: StudyViewer
    private let folder: StudyFolder
    private let port: UInt16
    private let token: String

    /// - Parameter port: 0: a free one.
    package init(_ folder: StudyFolder, port: UInt16 = 0) throws(StudyError) {
        viewer = try StudyViewer(folder)
        (self.folder, self.port) = (folder, port)
        token = Self.newToken()
    }

    /// 128 random bits.
    static func newToken() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<2).map { _ in String(format: "%016lx", UInt(generator.next() as UInt64)) }.joined()
    }

    /// Serves until the task is cancelled.
    ///
    /// - Parameter ready: gets the address of the page.
    package func run(ready: @escaping @Sendable (String) -> Void) async throws {
        let server = HTTPServer(
            address: try sockaddr_in.inet(ip4: "127.0.0.1", port: port), timeout: 120, logger: .disabled)
        await server.appendRoute("*") { [self] request in
            guard case .ip4(_, let port) = await server.listeningAddress else { return Self.nothing }
            return await respond(to: request, port: port)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [port] in
                do {
                    try await server.run()
                } catch  where !(error is CancellationError) {
                    let hint = port == 0 ? "" : "; without --port a free one is chosen"
                    throw StudyError(
                        "127.0.0.1:\(port): this port cannot be opened: \(error.localizedDescription)\(hint)")
                }
            }
            group.addTask { [token] in
                try await server.waitUntilListening()
                if case .ip4(_, let port) = await server.listeningAddress {
                    ready("http://127.0.0.1:\(port)/\(token)/")
                }
            }
            // The first failure ends both.
            while try await group.next() != nil {}
        }
    }

    static let nothing = HTTPResponse(statusCode: .notFound, headers: [.cacheControl: "no-store"])

    private func respond(to request: HTTPRequest, port: UInt16) async -> HTTPResponse {
        // A name that resolves to 127.0.0.1 would make the pages of a stranger ours (DNS rebinding).
        let hosts = ["127.0.0.1:\(port)", "localhost:\(port)"]
        let path = request.target.path().split(separator: "/", omittingEmptySubsequences: false)
        guard request.method == .GET, let host = request.headers[.host], hosts.contains(host.lowercased()),
            path.count == 3, path[0].isEmpty, Self.isEqual(path[1], token)
        else { return Self.nothing }
        let choice = ViewChoice(request.query.map { ($0.name, $0.value) })
        switch path[2] {
        case "": return Self.answer("text/html", await viewer.page(choice))
        case "live":
            let have = request.query.first { $0.name == "have" }?.value ?? ""
            return Self.answer("text/html", await viewer.news(choice, have: have))
        case "style.css": return Self.answer("text/css", Self.styleSheet)
        case "script.js": return Self.answer("text/javascript", Self.script)
        case "report.html":
            guard let report = StudyViewer.report(in: folder) else { return Self.nothing }
            return HTTPResponse(
                statusCode: .ok, headers: Self.headers("text/html", policy: Self.reportPolicy), body: Data(report))
        default: return Self.nothing
        }
    }

    /// In a time that does not depend on where they differ.
    static func isEqual(_ a: some StringProtocol, _ b: some StringProtocol) -> Bool {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static let styleSheet = LiveChart.styleSheet + String(decoding: PackageResources.view_css, as: UTF8.self)
    private static let script = String(decoding: PackageResources.view_js, as: UTF8.self)

    private static func answer(_ type: String, _ text: String) -> HTTPResponse {
        HTTPResponse(statusCode: .ok, headers: headers(type), body: Data(text.utf8))
    }

    private static let pagePolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    /// The report has its style and script inside, and gets an origin of its own, from which it cannot ask this server for anything.
    private static let reportPolicy =
        "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    private static func headers(_ type: String, policy: String = pagePolicy) -> HTTPHeaders {
        HTTPHeaders([
            .contentType: type + "; charset=utf-8", .cacheControl: "no-store",
            HTTPHeader("Content-Security-Policy"): policy, HTTPHeader("X-Content-Type-Options"): "nosniff",
            HTTPHeader("Referrer-Policy"): "no-referrer", HTTPHeader("Cross-Origin-Resource-Policy"): "same-origin",
            HTTPHeader("Cross-Origin-Opener-Policy"): "same-origin",
        ])
    }
}
