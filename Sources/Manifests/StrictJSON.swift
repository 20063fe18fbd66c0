import CShims
import Glibc
import OrderedCollections

/// Reads JSON that means the same to every reader: scanned byte by byte, then parsed by json-c into Swift values.
package enum StrictJSON {
    /// Reads a regular file of at most 1 MiB. `name` is how messages call it.
    package static func read(_ path: String, name: String? = nil) throws(Problem) -> Document {
        let bytes: [UInt8]
        do throws(FileProblem) {
            bytes = try contents(of: path, limit: JSONScanner.maximumSize)
        } catch {
            throw Problem(file: name ?? path, sentence: error.sentence)
        }
        return try parse(bytes, file: name ?? path)
    }

    package static func parse(_ text: String, file: String) throws(Problem) -> Document {
        try parse(Array(text.utf8), file: file)
    }

    package static func parse(_ bytes: [UInt8], file: String) throws(Problem) -> Document {
        var scanned: Result<JSONScanner, Problem> = .failure(Problem(file: file, sentence: "not scanned"))
        bytes.withUnsafeBufferPointer { buffer in
            var scanner = JSONScanner(buffer, file: file)
            do throws(Problem) {
                try scanner.scan()
                scanned = .success(scanner)
            } catch {
                scanned = .failure(error)
            }
        }
        let scanner = try scanned.get()
        guard let root = jsonC(bytes) else {
            throw Problem(file: file, sentence: "json-c does not accept the file (\(bytes.count) bytes)")
        }
        return Document(
            file: file, root: root, positions: scanner.positions, keyPositions: scanner.keyPositions)
    }

    // MARK: - json-c

    private static func jsonC(_ bytes: [UInt8]) -> JSON? {
        guard let tokener = json_tokener_new_ex(32) else { return nil }
        defer { json_tokener_free(tokener) }
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8)
        var text = bytes
        text.append(0)  // with the NUL json-c knows that the text ends here
        let parsed = text.withUnsafeBytes { buffer in
            json_tokener_parse_ex(tokener, buffer.bindMemory(to: CChar.self).baseAddress, Int32(buffer.count))
        }
        defer { json_object_put(parsed) }
        guard json_tokener_get_error(tokener) == json_tokener_success, parsed != nil else { return nil }
        // json-c stops behind the root; only white space may follow.
        let end = json_tokener_get_parse_end(tokener)
        guard bytes.dropFirst(end).allSatisfy({ [0x20, 0x09, 0x0A, 0x0D].contains($0) }) else { return nil }
        return value(parsed)
    }

    private static func value(_ object: OpaquePointer?) -> JSON? {
        guard let object else { return .null }
        switch json_object_get_type(object) {
        case json_type_boolean: return .bool(json_object_get_boolean(object) != 0)
        case json_type_int: return .int(Int(json_object_get_int64(object)))
        case json_type_double: return .double(json_object_get_double(object))
        case json_type_string:
            guard let start = json_object_get_string(object) else { return nil }
            let length = Int(json_object_get_string_len(object))
            return .string(String(decoding: UnsafeRawBufferPointer(start: start, count: length), as: UTF8.self))
        case json_type_array:
            var items: [JSON] = []
            for index in 0..<json_object_array_length(object) {
                guard let item = value(json_object_array_get_idx(object, index)) else { return nil }
                items.append(item)
            }
            return .array(items)
        case json_type_object:
            var members: OrderedDictionary<String, JSON> = [:]
            var iterator = json_object_iter_begin(object)
            var end = json_object_iter_end(object)
            while json_object_iter_equal(&iterator, &end) == 0 {
                guard let key = json_object_iter_peek_name(&iterator),
                    let member = value(json_object_iter_peek_value(&iterator))
                else { return nil }
                members[String(cString: key)] = member
                json_object_iter_next(&iterator)
            }
            return .object(members)
        default: return nil
        }
    }

    // MARK: - Files

    struct FileProblem: Error { var sentence: String }

    /// The bytes of a regular file; devices and pipes are refused, so that nothing blocks and nothing is endless.
    static func contents(of path: String, limit: Int) throws(FileProblem) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw FileProblem(sentence: "cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw FileProblem(sentence: "is not a regular file")
        }
        guard status.st_size <= limit else {
            throw FileProblem(sentence: "the file has \(status.st_size) bytes; at most \(limit) are read")
        }
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw FileProblem(sentence: "cannot be read: \(String(cString: strerror(errno)))") }
            if got == 0 { break }
            count += got
        }
        return Array(bytes.prefix(count))
    }
}
