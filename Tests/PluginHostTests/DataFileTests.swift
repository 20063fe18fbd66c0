import Foundation
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

/// Files of a study as functions of a plugin get them, and datasets that say their sizes themselves.
@Suite struct DataFileTests {
    /// `bytes`: row i of x is byte i of the files one after the other, y the sum of `extra` and i; what `describe` says
    /// is what the params `rows`, `axis` and `classes` say.
    private static let source = """
        #include <stdint.h>
        #include <stdio.h>
        #include <string.h>
        int32_t describe(const uint8_t *const *files, const int64_t *sizes, int64_t count, int64_t rows, int64_t axis,
                         int64_t classes, int64_t *train, int64_t *shape, int64_t *labels, char *message, size_t size)
        {
            if (axis == 99) { snprintf(message, size, "file %d begins with %d", (int)count, files[0][0]); return 6; }
            *train = rows;
            if (rows < 0) for (int64_t i = *train = 0; i < count; i++) *train += sizes[i];
            for (int i = 0; i < 3; i++) shape[i] = i < 2 ? 1 + i * (axis - 1) : axis == 0;
            *labels = classes;
            return 0;
        }
        int32_t rows(const uint8_t *const *files, const char *const *paths, const int64_t *sizes, int64_t count,
                     const uint8_t *extra, int64_t extra_bytes, const char *extra_path, const char *const *words,
                     int64_t word_count, const uint8_t *own, int64_t own_bytes, int64_t begin, int64_t end,
                     int64_t x_count, double *x, double *y)
        {
            double sum = extra ? 1000 * extra_bytes + strlen(extra_path) : 0;
            for (int64_t i = 0; i < extra_bytes; i++) sum += extra[i];
            for (int64_t i = 0; i < word_count; i++) sum += 10000 * strlen(words[i]);
            if (own_bytes != 3 || own[2] != 'c') return 7;
            for (int64_t i = begin; i < end; i++) {
                int64_t file = 0, place = i;
                while (place >= sizes[file]) place -= sizes[file++];
                for (int64_t j = 0; j < x_count / (end - begin); j++) {
                    *x++ = files[file][place] + 0.5 * strlen(paths[file]) + 100 * j;
                }
                *y++ = sum + i;
            }
            return 0;
        }
        """

    private static let components = """
        {"kind": "dataset", "id": "bytes",
         "params": [{"id": "files", "type": "file_list"}, {"id": "extra", "type": "file", "default": ""},
            {"id": "words", "type": "string_list", "default": []}, {"id": "rows", "type": "int", "default": -1},
            {"id": "axis", "type": "int", "default": 2}, {"id": "classes", "type": "int", "default": 0}],
         "outputs": [{"id": "x", "dtype": "f64", "shape": ["rows", "describe"]},
            {"id": "y", "dtype": "f64", "shape": ["rows"], "classes": "describe"}],
         "splits": {"train": "describe"},
         "describe": {"symbol": "describe", "returns": "status", "args": [
            {"name": "files", "type": "u8**", "from": "param"},
            {"name": "sizes", "type": "i64*", "from": "sizes", "of": "files"},
            {"name": "count", "type": "i64", "from": "count", "of": "files"},
            {"name": "rows", "type": "i64", "from": "param"}, {"name": "axis", "type": "i64", "from": "param"},
            {"name": "classes", "type": "i64", "from": "param"},
            {"name": "train", "type": "i64*", "from": "rows", "split": "train"},
            {"name": "shape", "type": "i64*", "from": "shape", "output": "x"},
            {"name": "labels", "type": "i64*", "from": "classes", "output": "y"},
            {"name": "message", "type": "char*", "from": "message"},
            {"name": "size", "type": "size", "from": "message_size"}]},
         "call": {"symbol": "rows", "returns": "status", "args": [
            {"name": "files", "type": "u8**", "from": "param"},
            {"name": "paths", "type": "char**", "from": "param", "param": "files"},
            {"name": "sizes", "type": "i64*", "from": "sizes", "of": "files"},
            {"name": "count", "type": "i64", "from": "count", "of": "files"},
            {"name": "extra", "type": "u8*", "from": "param"},
            {"name": "extra_bytes", "type": "i64", "from": "count", "of": "extra"},
            {"name": "extra_path", "type": "char*", "from": "param", "param": "extra"},
            {"name": "words", "type": "char**", "from": "param"},
            {"name": "word_count", "type": "i64", "from": "count", "of": "words"},
            {"name": "own", "type": "u8*", "from": "file", "file": "own.txt"},
            {"name": "own_bytes", "type": "i64", "from": "count", "of": "own"},
            {"name": "begin", "type": "i64", "from": "index_begin"}, {"name": "end", "type": "i64", "from": "index_end"},
            {"name": "x_count", "type": "i64", "from": "count", "of": "x"},
            {"name": "x", "type": "f64*", "from": "output"}, {"name": "y", "type": "f64*", "from": "output"}]},
         "examples": [{"name": "a row", "given": {"begin": 0, "end": 1, "files": ["abc"]},
            "expect": {"y": {"shape": [1], "data": [0]}}}]}
        """

    private let plugin: TemporaryPlugin

    init() throws {
        plugin = try TemporaryPlugin(source: Self.source, manifest: TemporaryPlugin.manifest(Self.components))
        _ = try plugin.write(Array("abc".utf8), to: "own.txt")
        _ = try plugin.write([7, 5, 3], to: "one")
        _ = try plugin.write([2, 9], to: "other.bin")
        _ = try plugin.write([], to: "nothing")
    }

    private func dataset(_ options: [String: JSON] = [:]) throws -> any Dataset {
        let loader = ComponentLoader(registry: plugin.registry, seed: 0, dataFolder: plugin.folder)
        let files: JSON = .array(["one", "other.bin"])
        return try loader.dataset(Choice(component: "bytes", options: ["files": files].merging(options) { $1 }))
    }

    private func failure(_ options: [String: JSON]) -> String? {
        #expect(throws: PluginError.self) { try dataset(options) }?.description
    }

    @Test func theManifestIsAccepted() {
        #expect(plugin.registry.rejected.map { "\($0.error)" } == [])
    }

    @Test func listsOfFilesAndTheirSizes() throws {
        let dataset = try dataset()
        #expect(dataset.fields == [Field(name: "x", shape: [1, 2]), Field(name: "y", shape: [])])
        #expect(try dataset.rows(in: "train") == 5)
        // Half the lengths of the names `one` and `other.bin` are added.
        #expect(
            try readRows(of: dataset, "train")
                == ["x": [8.5, 108.5, 6.5, 106.5, 4.5, 104.5, 6.5, 106.5, 13.5, 113.5], "y": [0, 1, 2, 3, 4]])
        #expect(try readRows(of: dataset, "train", 3..<5)["x"] == [6.5, 106.5, 13.5, 113.5])
    }

    /// No file is a null pointer and 0 bytes; an empty file is a pointer and 0 bytes.
    @Test func oneFileOrNone() throws {
        func first(_ options: [String: JSON]) throws -> Double? {
            try readRows(of: dataset(options), "train", 0..<1)["y"]?.first
        }
        #expect(try first([:]) == 0)
        #expect(try first(["extra": "one"]) == 3000 + 3 + 15)
        #expect(try first(["extra": "nothing"]) == 7)
        #expect(
            try first(["extra": .string(plugin.folder + "/one")]) == 3000 + 15 + Double(plugin.folder.utf8.count) + 4)
        #expect(try first(["words": .array(["to", "", "five5"])]) == 70_000)
    }

    @Test func aMissingFile() throws {
        #expect(
            failure(["files": .array(["one", "two"])])
                == "plugin org.example.case/bytes: \(plugin.folder)/two: cannot be opened: No such file or directory")
        #expect(
            failure(["files": .array(["."])])
                == "plugin org.example.case/bytes: \(plugin.folder)/.: is not a regular file")
    }

    @Test func whatDescribeSays() throws {
        #expect(
            failure(["axis": .int(99)])
                == "plugin org.example.case/bytes: failed (input/output error): file 2 begins with 7")
        #expect(
            failure(["rows": .int(1 << 41)]) == "plugin org.example.case/bytes: describes the rows of 'train' as "
                + "2199023255552; expected a number from 0 to 2^40")
        #expect(
            failure(["axis": .int(-3)]) == "plugin org.example.case/bytes: describes axis 1 of 'x' as -3; "
                + "expected a number from 1 to 2^40")
        #expect(
            failure(["classes": .int(-1)]) == "plugin org.example.case/bytes: describes the classes of 'y' as -1; "
                + "expected a number from 0 to 2^40")
        // A 0 ends the shape, whatever is written behind it.
        #expect(try dataset(["axis": .int(0)]).fields[0].shape == [1])
        #expect(try dataset(["classes": .int(3)]).fields[1] == Field(name: "y", shape: [], classes: 3))
        #expect(try dataset(["rows": .int(0)]).rows(in: "train") == 0)
    }

    /// Labels may be f64 where the plugin does not know before whether there are classes.
    @Test func labelsMustBeClasses() throws {
        let dataset = try dataset(["classes": .int(4)])
        #expect(try readRows(of: dataset, "train", 0..<4)["y"] == [0, 1, 2, 3])
        let error = #expect(throws: PluginError.self) { try readRows(of: dataset, "train", 2..<5) }
        #expect(error?.description == "plugin org.example.case/bytes: label 4 in row 4 of 'train' is outside 0..<4")
    }

    @Test func rowsBeyondTheMachinesMemory() throws {
        let error = #expect(throws: PluginError.self) { try dataset(["rows": .int(1 << 40)]).rows(in: "train") }
        #expect(
            error?.description.hasPrefix("plugin org.example.case/bytes: the 1099511627776 rows of 'train' take ")
                == true)
    }
}
