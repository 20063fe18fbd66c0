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

    /// What the points of all charts may take in the page, in bytes before base64; those of declared figures a fifth of it.
    package static let budget = 1_900_000
    /// Points of a curve: the most of these that fit.
    private static let limits = [200, 100, 64, 48, 32, 24, 16, 12, 8]

    private static func size(_ packs: [Pack], _ limit: Int) -> Int { packs.reduce(0) { $0 + $1.size(limit) } }

    /// The curves of a chart, one for each setting, or of a panel.
    fileprivate struct Pack {
        var steps: [[Int]]
        var bytes: [UInt8]
        var hasBands: Bool

        var width: Int { hasBands ? 8 : 3 }
        /// What they take with at most so many points each.
        func size(_ limit: Int) -> Int { width * steps.reduce(0) { $0 + min(limit, $1.count) } }
    }

    /// Members of the page's data: `charts`, `panels` of the declared figures by their names, `steps`, `maps`, `kept`, the settings whose
    /// points are there, and `limit`, the most steps of a curve where not all are there.
    func json(_ figures: Figures, _ declared: [DrawnFigure], budget: Int) -> OrderedDictionary<String, JSON> {
        let settings = Array(figures.results.settings.indices)
        var packs = pack(figures)
        let fitting = Self.limits.first { Self.size(packs, $0) <= budget }
        let limit = fitting ?? Self.limits.last ?? 8
        let count = settings.count * budget / max(1, Self.size(packs, limit))
        let kept = fitting == nil ? Figures.spread(settings, to: max(Figures.curveLimit, count)) : settings
        let isThinned = packs.contains { $0.steps.contains { $0.count > limit } }
        for i in packs.indices { packs[i].thin(to: limit, kept) }
        var lists = OrderedSet<[Int]>()
        let drawn = zip(charts, packs).map { chart, pack in
            var members = pack.json(&lists)
            if let scale = chart.value.scale { members["y"] = scale.json }
            if chart.value.isOnce { members["once"] = .bool(true) }
            return (String(chart.key), JSON.object(members))
        }
        var panels = declared.map { figure in figure.panels.map { Pack(of: $0) } }
        let most = Self.limits.first { Self.size(Array(panels.joined()), $0) <= budget / 5 } ?? 8
        let named = declared.indices.map { i in
            let own = declared[i].panels.indices.map { p -> JSON in
                panels[i][p].thin(to: most, Array(panels[i][p].steps.indices))
                let panel = declared[i].panels[p]
                return .object(panels[i][p].json(&lists).merging(panel.json) { $1 })
            }
            return (declared[i].slug, JSON.array(own))
        }
        return [
            "kept": .array(kept.map(JSON.int)), "limit": isThinned ? .int(limit) : .null,
            "steps": .array(lists.map { .array($0.map(JSON.int)) }),
            "charts": .object(OrderedDictionary(uniqueKeysWithValues: drawn)),
            "panels": .object(OrderedDictionary(named) { first, _ in first }), "maps": .array(maps),
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
            let points = curves.map { curve in
                curve.map { point in
                    let mean = point.value.mean ?? .nan
                    let band = Figures.band(point.value, mean, areIntervals: bands)
                    return LineChart.Point(
                        x: Double(point.step), y: mean, low: band.low, high: band.high, n: point.value.n)
                }
            }
            let pack = Pack(points)
            found.withLock { $0[i] = pack }
        }
        return found.withLock { $0.compactMap(\.self) }
    }
}

extension PageCharts.Pack {
    /// For each point the upper three bytes of the mean as a 32-bit float (relative error below 1.6e-5) and, with bands, the upper two of the distances
    /// of their ends (two digits), and the number of values: 3 or 8 bytes.
    fileprivate init(_ curves: [[LineChart.Point]]) {
        let isPlain = curves.allSatisfy { $0.allSatisfy { $0.n <= 1 && !($0.low < $0.high) } }
        (steps, bytes, hasBands) = (curves.map { $0.map { Int($0.x) } }, [], !isPlain)
        bytes.reserveCapacity(curves.reduce(0) { $0 + $1.count } * (hasBands ? 8 : 3))
        func add(_ value: Double, _ count: Int) {
            let dropped = 8 * (4 - count)
            let pattern = Float(value).bitPattern
            // Rounded; what is no number stays what it is.
            let kept = value.isFinite ? (pattern &+ 1 << (dropped - 1)) >> dropped : pattern >> dropped
            for byte in 0..<count { bytes.append(UInt8(truncatingIfNeeded: kept >> (8 * byte))) }
        }
        for point in curves.joined() {
            add(point.y, 3)
            guard hasBands else { continue }
            add(point.y - point.low, 2)
            add(point.high - point.y, 2)
            bytes.append(UInt8(clamping: point.n))
        }
    }

    fileprivate init(of panel: Panel) { self.init(panel.curves.map { $0.curve.compactMap(\.self) }) }

    /// - Parameter lists: steps of all charts, each list once.
    fileprivate func json(_ lists: inout OrderedSet<[Int]>) -> OrderedDictionary<String, JSON> {
        let numbers = steps.map { lists.append($0).index }
        return [
            // One list stands for all where they are the same.
            "steps": .array((Set(numbers).count == 1 ? [numbers[0]] : numbers).map(JSON.int)),
            "band": .bool(hasBands), "points": .string(Data(bytes).base64EncodedString()),
        ]
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

extension Panel {
    /// Its axes, what the horizontal one counts, and its curves by name.
    fileprivate var json: OrderedDictionary<String, JSON> {
        let isNamed = if case .categories = x.kind { true } else { false }
        return [
            "x": x.json, "y": y.json, "of": .string(isNamed ? "" : xTitle == "training step" ? "step" : xTitle),
            "names": .array(curves.map { .string($0.name) }),
        ]
    }
}

extension Scale {
    var json: JSON {
        switch kind {
        case .categories(let names): .array([.string("categories"), .int(0), .int(names.count)])
        case .linear: .array([.string("linear"), .double(low), .double(high)])
        case .log: .array([.string("log"), .double(low), .double(high)])
        case .logWithZero: .array([.string("logWithZero"), .double(low), .double(high)])
        case .symlog(let threshold):
            .array([.string("symlog"), .double(low), .double(high), .double(threshold)])
        }
    }
}
