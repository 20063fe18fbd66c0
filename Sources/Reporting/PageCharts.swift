import Foundation
import Manifests
import OrderedCollections
import Synchronization

/// The charts and maps of a page, noted as they are drawn, and their points for the script, which draws other settings in them.
package final class PageCharts {
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
    package static let budget = 1_900_000
    /// Points of a curve: the most of these that fit.
    private static let limits = [200, 100, 64, 48, 32, 24, 16, 12, 8]

    /// The curves of a chart, one for each setting.
    fileprivate struct Pack {
        var steps: [[Int]]
        var bytes: [UInt8]
        var hasBands: Bool

        var width: Int { hasBands ? 8 : 3 }
        /// What they take with at most so many points each.
        func size(_ limit: Int) -> Int { width * steps.reduce(0) { $0 + min(limit, $1.count) } }
    }

    /// Members of the page's data: `charts`, `steps`, `maps` and `kept`, the settings whose points are there.
    func json(_ figures: Figures, budget: Int) -> OrderedDictionary<String, JSON> {
        let settings = Array(figures.results.settings.indices)
        var packs = pack(figures)
        let sizes = Self.limits.map { limit in packs.reduce(0) { $0 + $1.size(limit) } }
        let fitting = sizes.firstIndex { $0 <= budget }
        let count = settings.count * budget / max(1, sizes.last ?? 1)
        let kept = fitting == nil ? Figures.spread(settings, to: max(Figures.curveLimit, count)) : settings
        let limit = fitting.map { Self.limits[$0] } ?? Self.limits.last ?? 8
        for i in packs.indices { packs[i].thin(to: limit, kept) }
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

    /// All settings, by all cores.
    private func pack(_ figures: Figures) -> [Pack] {
        let (series, results, bands) = (Array(charts), figures.results, figures.bandsAreIntervals)
        let found = Mutex([Pack?](repeating: nil, count: series.count))
        DispatchQueue.concurrentPerform(iterations: series.count) { i in
            let isMapOnly = series[i].value.scale == nil
            let curves = results.settings.indices.map { setting in
                let curve = results.curve(series[i].key, setting: setting)
                return isMapOnly ? Array(curve.suffix(1)) : curve
            }
            let pack = Pack(curves, bandsAreIntervals: bands)
            found.withLock { $0[i] = pack }
        }
        return found.withLock { $0.compactMap(\.self) }
    }
}

extension PageCharts.Pack {
    /// For each point the upper three bytes of the mean as a 32-bit float (relative error below 1.6e-5) and, with bands, the upper two of the distances
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

    /// Keeps these settings, with at most so many points each.
    fileprivate mutating func thin(to limit: Int, _ kept: [Int]) {
        guard kept.count < steps.count || steps.contains(where: { $0.count > limit }) else { return }
        let starts = steps.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count * width) }
        let old = self
        (steps, bytes) = ([], [])
        for setting in kept {
            let points = StudyResults.thinned(old.steps[setting].count, to: limit)
            steps.append(points.map { old.steps[setting][$0] })
            for point in points {
                let start = starts[setting] + point * width
                bytes += old.bytes[start..<start + width]
            }
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
