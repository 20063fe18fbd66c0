import Foundation
import Manifests
import OrderedCollections
import Synchronization

/// The charts and maps of a page, noted as they are drawn, and their points for the script, which draws other settings in them.
final class PageCharts {
    private struct Chart {
        var scale: Scale?
        var isOnce = false
    }

    /// By series.
    private var charts: OrderedDictionary<Int, Chart> = [:]
    private var maps: [JSON] = []

    func add(series: Int, y: Scale, isOnce: Bool) { charts[series] = Chart(scale: y, isOnce: isOnce) }

    /// - Parameter cells: the series, row by row.
    /// - Returns: the number of the map.
    func addMap(_ ramp: Palette.Ramp, _ cells: [[Int?]]) -> Int {
        for case let series? in cells.joined() where charts[series] == nil { charts[series] = Chart() }
        let ends: [JSON] = [.string(String(ramp.letter)), .double(ramp.low), .double(ramp.high)]
        maps.append(.object(["ramp": .array(ends), "cells": .array(cells.joined().map { .int($0 ?? -1) })]))
        return maps.count - 1
    }

    // MARK: - Points

    /// What the points of all charts may take in the page, in bytes before base64.
    static let budget = 1_900_000
    /// Points of a curve: the first that fits.
    private static let limits = [200, 100, 50, 32, 24, 16, 12, 8]

    /// The curves of a chart, one for each setting.
    fileprivate struct Pack {
        var steps: [[Int]]
        var bytes: [UInt8]
        var hasBands: Bool
    }

    /// Members of the page's data: `charts`, `steps`, `maps` and `kept`, the settings whose points are there.
    func json(_ figures: Figures, budget: Int = budget) -> OrderedDictionary<String, JSON> {
        let results = figures.results
        let settings = Array(results.settings.indices)
        var (kept, packs) = (settings, [Pack]())
        for limit in Self.limits {
            packs = pack(figures, kept, limit)
            let size = packs.reduce(0) { $0 + $1.bytes.count }
            if size <= budget { break }
            if limit == Self.limits.last {
                kept = Figures.spread(settings, to: max(Figures.curveLimit, settings.count * budget / size))
                packs = pack(figures, kept, limit)
            }
        }
        var lists = OrderedSet<[Int]>()
        let drawn = zip(charts, packs).map { chart, pack in
            let numbers = pack.steps.map { lists.append($0).index }
            var members: OrderedDictionary<String, JSON> = [
                // One list of steps stands for all where they are the same.
                "steps": .array((Set(numbers).count == 1 ? [numbers[0]] : numbers).map(JSON.int)),
                "band": .bool(pack.hasBands), "points": .string(Data(pack.bytes).base64EncodedString()),
            ]
            if let scale = chart.value.scale { members["y"] = scale.json }
            if chart.value.isOnce { members["once"] = .bool(true) }
            return (String(chart.key), JSON.object(members))
        }
        return [
            "kept": .array(kept.map(JSON.int)),
            "steps": .array(lists.map { .array($0.map(JSON.int)) }),
            "charts": .object(OrderedDictionary(uniqueKeysWithValues: drawn)), "maps": .array(maps),
        ]
    }

    private func pack(_ figures: Figures, _ settings: [Int], _ limit: Int) -> [Pack] {
        let (series, results) = (Array(charts), figures.results)
        let found = Mutex([Pack?](repeating: nil, count: series.count))
        let bands = figures.bandsAreIntervals
        DispatchQueue.concurrentPerform(iterations: series.count) { i in
            let isMapOnly = series[i].value.scale == nil
            let curves = settings.map { setting in
                let curve = results.curve(series[i].key, setting: setting, limit: limit)
                return isMapOnly ? Array(curve.suffix(1)) : curve
            }
            let pack = Pack(curves, bandsAreIntervals: bands)
            found.withLock { $0[i] = pack }
        }
        return found.withLock { $0.compactMap(\.self) }
    }
}

extension PageCharts.Pack {
    /// For each point the upper three bytes of the mean as a 32-bit float (five digits) and, with bands, the upper two of the distances
    /// of their ends (two digits), and the number of values: 3 or 8 bytes.
    fileprivate init(_ curves: [[StudyResults.Point]], bandsAreIntervals: Bool) {
        let isPlain = curves.allSatisfy { $0.allSatisfy { $0.value.n <= 1 && $0.value.low == nil } }
        (steps, bytes, hasBands) = (curves.map { $0.map(\.step) }, [], !isPlain)
        bytes.reserveCapacity(curves.reduce(0) { $0 + $1.count } * (hasBands ? 8 : 3))
        func add(_ value: Double, _ count: Int) {
            let dropped = 8 * (4 - count)
            let pattern = Float(value).bitPattern
            // Rounded; what is no number stays what it is.
            let kept = value.isFinite ? (pattern &+ 1 << (dropped - 1)) >> dropped : pattern >> dropped
            for byte in 0..<count { bytes.append(UInt8(truncatingIfNeeded: kept >> (8 * byte))) }
        }
        for point in curves.joined() {
            let value = point.value
            let mean = value.mean ?? .nan
            add(mean, 3)
            guard hasBands else { continue }
            let band = Figures.band(value, mean, areIntervals: bandsAreIntervals)
            add(mean - band.low, 2)
            add(band.high - mean, 2)
            bytes.append(UInt8(clamping: value.n))
        }
    }
}

extension Scale {
    var json: JSON {
        switch kind {
        case .linear, .categories: .array([.string("linear"), .double(low), .double(high)])
        case .log: .array([.string("log"), .double(low), .double(high)])
        case .logWithZero: .array([.string("logWithZero"), .double(low), .double(high)])
        case .symlog(let threshold):
            .array([.string("symlog"), .double(low), .double(high), .double(threshold)])
        }
    }
}
