import ArrayFiles
import CShims
import OrderedCollections

/// Reads JSON that means the same to every reader: scanned byte by byte, then parsed by json-c into Swift values.
package enum StrictJSON {
    /// The largest file that is read: 1 MiB, far beyond any manifest.
    package static let usualLimit = 1 << 20

    /// Reads a regular file of at most `limit` bytes.
    package static func read(_ path: String, limit: Int = usualLimit) throws(Problem) -> Document {
        let bytes: [UInt8]
        do {
            bytes = try FileDescriptor.contents(of: path, limit: limit)
        } catch {
            throw Problem(file: path, sentence: (error as? FileError)?.message ?? "\(error)")
        }
        return try parse(bytes, file: path, limit: limit)
    }

    /// The same for a file of a plugin's folder, which nobody else may be able to write.
    static func read(_ name: String, in folder: String) throws(Problem) -> Document {
        let bytes: [UInt8]
        do {
            bytes = try PluginFolder(folder).open(name).contents(limit: usualLimit)
        } catch {
            let failure = error as? FileError
            throw Problem(file: failure?.path ?? "\(folder)/\(name)", sentence: failure?.message ?? "\(error)")
        }
        return try parse(bytes, file: "\(folder)/\(name)")
    }

    package static func parse(_ text: String, file: String) throws(Problem) -> Document {
        try parse(Array(text.utf8), file: file)
    }

    package static func parse(
        _ bytes: [UInt8], file: String, limit: Int = usualLimit
    ) throws(Problem) -> Document {
        if bytes.count > limit {
            throw Problem(file: file, sentence: "the file has \(bytes.count) bytes; at most \(limit) are read")
        }
        let mistake = bytes.withUnsafeBufferPointer { buffer -> Problem? in
            var scanner = JSONScanner(buffer, file: file)
            do throws(Problem) {
                try scanner.scan()
                return nil
            } catch {
                return error
            }
        }
        if let mistake { throw mistake }
        guard let root = jsonC(bytes) else {
            throw Problem(file: file, sentence: "json-c does not accept the file (\(bytes.count) bytes)")
        }
        return Document(file: file, root: root, json: bytes)
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
}
