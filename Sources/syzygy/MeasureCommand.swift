import ArgumentParser
import Foundation
import Manifests
import PluginHost
import Protocols
import Reporting
import Studies

struct Measure: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run probes on recorded arrays: of networks trained elsewhere, or of arrays/ of a run.",
        discussion: """
            Arrays are called as runs record them: fc1/layer.input, fc1/layer.output_grad, fc1/layer.weight, labels; \
            --map gives others such names. See docs/measure.md.
            Exit status: 0 measured (what has no value has a reason), 1 arrays cannot be used, 64 wrong usage.
            """)

    @ArgumentParser.Argument(
        help: ArgumentHelp(
            "Arrays, .npz or .safetensors; several are steps of one training.", valueName: "file"))
    var files: [String]

    @Option(
        name: .customLong("probe"),
        help: ArgumentHelp("A probe, with or without a key for tables: alignment, crh=alignment.", valueName: "probe")
    )
    var probes: [String]

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "An option of all probes that have it, or of one: variant=[raw], crh.variant=[raw].",
            valueName: "option=value"))
    var options: [String] = []

    @Option(
        help: ArgumentHelp(
            "Which arrays are which quantities: input=R,weight=W of one layer, fc1/input=R1, labels=y.",
            valueName: "quantity=array,…"))
    var map: [String] = []

    @Option(help: ArgumentHelp("Steps of the files (default: the last numbers in their names).", valueName: "0,10,…"))
    var steps: String?

    @Option(help: ArgumentHelp("Layers, in their order (default: all, in that of the file).", valueName: "a,b,…"))
    var layers: String?

    @Option(help: "Take the first so many samples only.")
    var samples: Int?

    @Option(help: ArgumentHelp("Replicates of 95 % intervals over samples.", valueName: "n"))
    var bootstrap: Int?

    @Option(help: ArgumentHelp("Write observations.csv there (default: print a table).", valueName: "dir"))
    var out: String?

    @OptionGroup var isolation: IsolationOptions
    @OptionGroup var plugins: PluginOptions

    func validate() throws {
        if let samples, samples < 1 { throw ValidationError("--samples must be at least 1, got \(samples)") }
        if let bootstrap, !(20...10_000).contains(bootstrap) {
            throw ValidationError("--bootstrap must be from 20 to 10000, got \(bootstrap)")
        }
        _ = try numbers()
    }

    private func numbers() throws -> [Int]? {
        try steps?.split(separator: ",", omittingEmptySubsequences: false).map { word in
            guard let step = Int(word), step >= 0 else {
                throw ValidationError("--steps: expected steps such as 0,10,100, got '\(word)'")
            }
            return step
        }
    }

    func run() throws {
        let registry = plugins.registry
        let measurement = try Failure.report {
            try WorkerEnvironment.enter(threads: Host.cores)
            return try ArrayMeasurement(
                files: files, steps: try numbers(), probes: probes, options: options, map: map,
                layers: layers?.split(separator: ",").map(String.init), samples: samples, replicates: bootstrap,
                registry: registry)
        }
        try Failure.report(status: .failure) {
            let loader = ComponentLoader(
                registry: registry, seed: 0, isolation: isolation.isolation, note: Failure.say)
            let writer = try out.map { out in
                if FileManager.default.fileExists(atPath: "\(out)/run.json") {
                    throw StudyError("\(out): has the observations of a run; give --out another folder")
                }
                try StudyFolder.create(out)
                return try ObservationWriter(path: "\(out)/observations.csv")
            }
            var observations: [Observation] = []
            try measurement.run(loader, note: Failure.say) { observation in
                if let writer { writer.append(observation) } else { observations.append(observation) }
            }
            try writer?.flush()
            guard let out else {
                let width = Terminal.isInteractive ? Terminal.width : 120
                return print(TextTable(observations).plain(width: width), terminator: "")
            }
            print("\(out)/observations.csv")
        }
    }
}
