import Manifests
import PluginHost
import PluginTesting
import Protocols

/// The bytes of an IDX file; elements of `width` bytes, big-endian.
func idx(_ type: UInt8, _ shape: [Int], _ words: [UInt64], width: Int) -> [UInt8] {
    let sizes = shape.flatMap { size in (0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) } }
    let elements = words.flatMap { word in
        (0..<width).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * (width - 1 - $0))) }
    }
    return [0, 0, type, UInt8(shape.count)] + sizes + elements
}

/// Bytes as elements.
func idx(_ shape: [Int], _ bytes: [UInt8]) -> [UInt8] { idx(8, shape, bytes.map { UInt64($0) }, width: 1) }

/// A dataset over files of a folder.
func images(
    _ component: String, in folder: String, _ options: [String: JSON], seed: UInt64 = 5
) throws -> any Dataset {
    try ShippedPlugins.loader(seed: seed, dataFolder: folder).dataset(Choice(component: component, options: options))
}

/// What the run would say, without the plugin's name.
func sentence(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch {
        return "\(error)".split(separator: ": ", maxSplits: 1).last.map(String.init)
    }
}
