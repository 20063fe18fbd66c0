import Authoring
import Foundation
import Manifests
import PluginHost
import PluginTesting
import Testing

/// Manifests beside what compilers wrote about the functions.
@Suite struct DebugInformationTests {
    private static let function = """
        #include <stddef.h>
        #include <stdint.h>
        int32_t spread(const double *x, const int32_t *labels, int64_t n, float half, uint8_t flag, const char *word,
                       const int64_t *d, float *work, char *message, size_t size, double *rank) { return n == 3; }
        """

    private static let manifest = """
        {"kind": "probe", "id": "spread", "per": "run",
         "params": [{"id": "flag", "type": "bool", "default": true}, {"id": "word", "type": "string", "default": "a"}],
         "outputs": [{"id": "rank", "dtype": "f64", "shape": []}],
         "call": {"symbol": "spread", "returns": "status", "args": [
           {"name": "x", "type": "f64*", "from": "quantity", "quantity": "head.input"},
           {"name": "labels", "type": "i32*", "from": "quantity", "quantity": "labels"},
           {"name": "n", "type": "i64", "from": "count", "of": "x"},
           {"name": "half", "type": "f32", "from": "const", "value": 0.5},
           {"name": "flag", "type": "u8", "from": "param"},
           {"name": "word", "type": "char*", "from": "param"},
           {"name": "d", "type": "i64*", "from": "dim", "of": "x", "axis": 1},
           {"name": "work", "type": "f32*", "from": "workspace", "elements": "7"},
           {"name": "message", "type": "char*", "from": "message"},
           {"name": "size", "type": "size", "from": "message_size"},
           {"name": "rank", "type": "f64*", "from": "output"}]},
         "examples": [{"name": "one", "given": {"x": {"shape": [1, 2], "data": [1, 2]}, "labels": {"shape": [1], "data": [0]}},
                       "expect": {"rank": 1}}]}
        """

    /// What the check says about C source; nil if it agrees.
    private func complaint(_ source: String, flags: [String] = ["-g"], compiler: String = "cc") throws -> String? {
        try withTemporaryFolder { folder in
            try source.write(toFile: "\(folder)/spread.c", atomically: true, encoding: .utf8)
            let library = "\(folder)/libspread.so"
            let command = [compiler, "-w", "-shared", "-fPIC", "-o", library, "\(folder)/spread.c"] + flags
            let (status, errors) = try Fixture.run(command)
            try #require(status == 0, "\(errors)")
            do {
                let information = try DebugInformation(
                    checking: try Fixture.manifest(Self.manifest), library: library)
                #expect(information.functions == 1 && information.compared == (flags.contains("-g") ? 1 : 0))
                return nil
            } catch {
                return "\(error)"
            }
        }
    }

    @Test(arguments: ["cc", "clang"], [["-g"], ["-g", "-O2"], ["-g", "-gdwarf-4", "-O1"], ["-O2"]])
    func whatAgreesIsAccepted(compiler: String, flags: [String]) throws {
        #expect(try complaint(Self.function, flags: flags, compiler: compiler) == nil)
    }

    /// Typedefs, restrict, arrays, void pointers and enums mean what they mean to the machine.
    @Test func namesDoNotMatter() throws {
        let source = """
            #include <stddef.h>
            #include <stdint.h>
            typedef double real; typedef const real *restrict numbers; enum colour {red = -1, blue};
            enum colour spread(numbers x, const void *labels, long n, float half, _Bool flag, const char word[],
                               const int64_t d[3], float *work, char *message, size_t size, double rank[restrict 1]) { return red; }
            """
        #expect(try complaint(source) == nil)
    }

    @Test(arguments: [
        (
            "int64_t n", "int32_t n",
            "argument 3, 'n', of 'spread' is an integer of 8 bytes (int64_t), but an integer of 4 bytes (int32_t) in libspread.so (spread.c:3)"
        ),
        (
            "float half", "double half",
            "'half', of 'spread' is a float of 4 bytes (float), but a float of 8 bytes (double)"
        ),
        (
            "uint8_t flag", "const uint8_t *flag",
            "is an integer of 1 byte (uint8_t), but a pointer to integers of 1 byte (const uint8_t *)"
        ),
        (
            "const int32_t *labels", "const int64_t *labels",
            "is a pointer to integers of 4 bytes (const int32_t *), but a pointer to integers of 8 bytes"
        ),
        (
            "const double *x", "const float *x",
            "is a pointer to floats of 8 bytes (const double *), but a pointer to floats of 4 bytes (const float *)"
        ),
        (
            "const double *x", "const double **x",
            "is a pointer to floats of 8 bytes (const double *), but a pointer to pointers"
        ),
        (
            "const int64_t *d", "int64_t d",
            "'d', of 'spread' is a pointer to integers of 8 bytes (const int64_t *), but an integer of 8 bytes (int64_t)"
        ),
        (
            "double *rank", "struct {double a, b;} rank",
            "is a pointer to floats of 8 bytes (double *), but a struct of 16 bytes"
        ),
        (
            "size_t size, double *rank", "double *rank",
            "'spread' has 11 arguments, but 10 in libspread.so (spread.c:3)"
        ),
        (
            "int32_t spread", "double spread",
            "'spread' returns an integer of 4 bytes, but a float of 8 bytes (double)"
        ),
        ("int32_t spread", "void spread", "'spread' returns an integer of 4 bytes, but nothing in libspread.so"),
    ]) func whatDisagreesIsNamed(text: String, other: String, sentence: String) throws {
        let source = Self.function.replacingOccurrences(of: text, with: other)
        try #require(source != Self.function)
        let said = try #require(try complaint(source.replacingOccurrences(of: "return n == 3;", with: "")))
        #expect(said.contains(sentence), "\(said)")
        #expect(said.hasPrefix("plugin.json:"))
        #expect(said.split(separator: "\n").count == 1)
    }

    /// The libraries of this installation, as they were built.
    @Test func shippedLibrariesAgree() throws {
        var compared = 0
        for manifest in ShippedPlugins.registry.manifests {
            guard let library = try ComponentLoader.libraryPath(of: manifest) else { continue }
            compared += try DebugInformation(checking: manifest, library: library).compared
        }
        // All but those in Swift, if the build wrote debug information.
        #expect(compared == 0 || compared >= 40, "\(compared)")
    }

    /// Fortran takes arguments by reference unless they say `value`: both are seen.
    @Test(.enabled(if: hasFortran, "needs gfortran"), arguments: [["-O0"], ["-O2"]])
    func fortranByReferenceAndByValue(flags: [String]) throws {
        func complaint(_ declaration: String, _ type: String) throws -> String? {
            try withTemporaryFolder { folder in
                let source = """
                    subroutine total(x, n, s) bind(c)
                      use, intrinsic :: iso_c_binding
                      \(declaration)
                      real(c_double), intent(in) :: x(n)
                      real(c_double), intent(out) :: s
                      s = sum(x)
                    end subroutine
                    """
                try source.write(toFile: "\(folder)/total.f90", atomically: true, encoding: .utf8)
                let library = "\(folder)/libtotal.so"
                let command = ["gfortran", "-g", "-shared", "-fPIC", "-o", library, "\(folder)/total.f90"] + flags
                let (status, errors) = try Fixture.run(command)
                try #require(status == 0, "\(errors)")
                let manifest = try Fixture.manifest(
                    """
                    {"kind": "probe", "id": "total", "per": "layer", "outputs": [{"id": "s", "dtype": "f64", "shape": []}],
                     "call": {"symbol": "total", "returns": "void", "args": [
                       {"name": "x", "type": "f64*", "from": "quantity", "quantity": "layer.input"},
                       {"name": "n", "type": "\(type)", "from": "count", "of": "x"},
                       {"name": "s", "type": "f64*", "from": "output"}]},
                     "examples": [{"name": "one", "given": {"x": {"shape": [1, 2], "data": [1, 2]}}, "expect": {"s": 3}}]}
                    """)
                do {
                    #expect(try DebugInformation(checking: manifest, library: library).compared == 1)
                    return nil
                } catch {
                    return "\(error)"
                }
            }
        }
        let byValue = "integer(c_int64_t), value :: n", byReference = "integer(c_int64_t), intent(in) :: n"
        #expect(try complaint(byValue, "i64") == nil)
        #expect(try complaint(byReference, "i64*") == nil)
        #expect(try #require(try complaint(byReference, "i64")).contains("but a pointer to integers of 8 bytes"))
        #expect(try #require(try complaint(byValue, "i64*")).contains("but an integer of 8 bytes"))
        #expect(
            try #require(try complaint("integer(c_int32_t), value :: n", "i64")).contains("but an integer of 4 bytes")
        )
    }
}

let hasFortran = (try? Fixture.run(["gfortran", "--version"]).status) == 0
