/// NumPy archives, `numpy.savez` and `numpy.load`: a zip file with one `.npy` file per array.
///
/// Keys may contain `/`. Equal arrays give equal bytes: entries in the order given, all dated 1980-01-01.
package enum NPZ {
    /// - Throws: `FileError`: `invalid` (duplicate or empty names, shapes that do not match, 4 GiB or 65 535 arrays and
    ///   more), `system`.
    package static func write(_ arrays: [NamedArray], to path: String) throws {
        try arrays.requireWritable(to: path)
        try AtomicFile.write(to: path) { file in
            var zip = ZipWriter(path: path)
            for array in arrays {
                let header = NPY.header(of: array)
                try array.data.withBytes { values in
                    var crc = CRC32()
                    header.withUnsafeBytes { crc.update($0) }
                    crc.update(values)
                    try file.write(zip.begin("\(array.name).npy", size: header.count + values.count, crc: crc.value))
                    try file.write(header)
                    try file.write(values)
                }
            }
            try file.write(zip.end())
        }
    }

    /// The arrays in the order of the archive, those whose name `isWanted`; others are not looked at.
    ///
    /// Reads `f8 f4 i8 i4 u1`, `f2` as f32, `b1` as u8, `i2 i1 u2` as i32, `u8 u4` as i64, in either order of bytes;
    /// compressed entries too. Column-major values are reordered, checksums checked.
    /// - Complexity: the file and the arrays are in memory together.
    /// - Throws: `FileError`: `damaged`, `unsupported` (encrypted archives, other types), `system`.
    package static func read(
        _ path: String, where isWanted: (String) -> Bool = { _ in true }
    ) throws -> [NamedArray] {
        try FileDescriptor.contents(of: path).withUnsafeBytes { try read($0, path: path, where: isWanted) }
    }

    /// The same for a file in memory; `path` is for errors.
    package static func read(
        _ bytes: UnsafeRawBufferPointer, path: String, where isWanted: (String) -> Bool = { _ in true }
    ) throws -> [NamedArray] {
        let zip = ZipReader(ByteReader(bytes: bytes, path: path))
        return try zip.entries().compactMap { entry in
            guard entry.name.hasSuffix(".npy") else { return nil }
            let name = String(entry.name.dropLast(4))
            return isWanted(name) ? try zip.withContent(of: entry) { try NPY.read($0, name: name, path: path) } : nil
        }
    }
}
