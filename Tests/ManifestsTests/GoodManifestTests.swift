import Foundation
import Manifests
import PluginTesting
import Testing

@Suite struct GoodManifestTests {
    @Test(arguments: Fixture.allCases) func loads(_ fixture: Fixture) throws {
        do {
            let manifest = try fixture.manifest()
            #expect(manifest.components.count == 1)
        } catch let error as ManifestError {
            Issue.record("\(error)")
        }
    }

    @Test func probeIsRead() throws {
        let component = try #require(try Fixture.probe.manifest().components.first)
        #expect(component.fullID == "syzygy.crh/crh")
        #expect(component.scope == .layer)
        #expect(component.precisions == [.f32, .f64])
        #expect(component.call.symbols == [.f32: "alignment", .f64: "alignment"])
        #expect(component.call.returns == .status)
        #expect(component.call.argument("a")?.source == .quantity(nil, isWritable: false, isOptional: false))
        #expect(component.call.argument("d")?.source == .dimension(of: "a", .index(1)))
        #expect(component.call.argument("scratch")?.source == .workspace(factor: 2, dimensions: ["d", "d"]))
        #expect(component.call.argument("cosine")?.source == .output("cos"))
        #expect(component.call.argument("reason_size")?.type == .scalar(.size))
        #expect(component.outputs[0].lowest == -1 && component.outputs[0].mayBeUndefined)
        #expect(component.dimensions.first?.size == .axis(of: "a", .index(0)))
        #expect(component.examples[1].expected["alpha"] == .undefined(reason: "zero_norm"))
        #expect(component.examples[0].given["b"] == .array(shape: [3, 3], data: [3, 0, 0, 0, 2, 0, 0, 0, 1]))
    }

    @Test func optimizerIsRead() throws {
        let component = try #require(try Fixture.optimizer.manifest().components.first)
        #expect(component.precisions == [.f32, .f64])
        #expect(component.call.symbols[.f32] == "syre_step_f32")
        #expect(
            component.call.argument("w")?.source == .quantity("parameter.value", isWritable: true, isOptional: false))
        #expect(component.call.argument("wd")?.source == .parameter("weight_decay"))
        guard case .normal(_, let deviation) = component.state[0].initializer,
            case .uniform(let low, let high) = component.state[1].initializer
        else {
            Issue.record("other initializers")
            return
        }
        let options = component.options(["spread": .double(0.25)])
        #expect(deviation.value(options: options, fanIn: 4) == 0.01 / 2)
        #expect(low.value(options: options, fanIn: 4) == 0.75)
        #expect(high.value(options: options, fanIn: 4) == 1.25)
        #expect(!component.state[0].isMutable && component.state[2].isMutable)
    }

    @Test func filesAreRead() throws {
        let component = try #require(try Fixture.files.manifest().components.first)
        #expect(component.splits.map(\.rows) == [.described, .constant(3)])
        #expect(component.outputs[0].shape == [.rows, .constant(2), .described])
        #expect(component.outputs.map(\.rank) == [nil, 1])
        #expect(component.outputs[1].classes == .described)
        #expect(component.parameters.map(\.defaultValue) == [nil, "", .array(["a", "b"]), .double(1)])
        #expect(component.parameters[0].summary == "batches: list of files, required. Records, one after the other.")
        #expect(component.describe?.argument("sizes")?.source == .sizes(of: "batches"))
        #expect(component.describe?.argument("train")?.source == .rows("train"))
        #expect(component.call.argument("paths")?.type == .texts)
        #expect(component.options(["unit": .double(3)])["batches"] == nil)
        let batches = component.parameters[0]
        #expect(
            batches.check("one.bin")
                == .failure(
                    InvalidOption(
                        "batches must be a list of files, got 'one.bin'; write [\"one.bin\"]")))
        #expect(
            batches.check(.array(["one.bin", ""]))
                == .failure(
                    InvalidOption(
                        "batches[1] must be the path of a file, got ''", path: "/1")))
        #expect(component.parameters[1].check("") == .success(""))
    }

    @Test func datasetIsRead() throws {
        let component = try #require(try Fixture.dataset.manifest().components.first)
        #expect(component.splits.map(\.name) == ["train", "test"])
        #expect(component.splits.map(\.rows) == [.parameter("rows"), .constant(397)])
        #expect(component.outputs[0].shape == [.rows, .dimension("d")])
        #expect(component.outputs[1].classes == .parameter("classes"))
        #expect(component.call.argument("table")?.source == .file("data/table.bin"))
    }

    @Test func regularizerRunsInOnePrecision() throws {
        let component = try #require(try Fixture.regularizer.manifest().components.first)
        #expect(component.precisions == [.f64])
        #expect(component.start?.symbols == [.f64: "l2_start_f64"])
        #expect(component.call.returns == .output("value"))
    }

    @Test func bindingsExpand() throws {
        let component = try #require(try Fixture.probe.manifest().components.first)
        let bindings = component.expandedBindings(["variant": .array([.string("normalized"), .string("raw")])])
        #expect(
            bindings.map(\.name) == [
                "forward_rga.normalized", "forward_rga.raw", "forward_rwa.normalized", "forward_rwa.raw",
            ])
        #expect(bindings[0].quantities["b"] == "moment.normalized(layer.output_grad)")
        #expect(bindings[3].quantities == ["a": "moment.raw(layer.output)", "b": "wwt(layer.weight)"])
        // The default of the param.
        #expect(component.expandedBindings().map(\.name) == ["forward_rga.raw", "forward_rwa.raw"])
    }

    @Test func probeWithoutBindingsHasOneUse() throws {
        let component = try #require(try Fixture.blas.manifest().components.first)
        let bindings = component.expandedBindings()
        #expect(bindings.map(\.name) == [""])
        #expect(bindings[0].quantities == ["x": "parameter.value"])
    }

    @Test func quantitiesAreCanonical() throws {
        let text = Fixture.blas.text
            .replacingOccurrences(of: "\"parameter.value\"", with: "\"cross.raw( layer.output ,layer.input)\"")
            .replacingOccurrences(of: "\"per\": \"parameter\"", with: "\"per\": \"layer\"")
            .replacingOccurrences(of: "\"shape\": [2], \"data\": [3, 4]", with: "\"shape\": [1, 2], \"data\": [3, 4]")
        let manifest = try Manifest(try StrictJSON.parse(text, file: "plugin.json"), folder: "")
        let component = try #require(manifest.components.first)
        #expect(component.expandedBindings()[0].quantities["x"] == "cross.raw(layer.output, layer.input)")
    }

    @Test func loadsFromAFolder() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("manifests-\(UUID().uuidString)")
            .path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Fixture.loss.text.write(toFile: "\(folder)/plugin.json", atomically: true, encoding: .utf8)
        let manifest = try Manifest.load(folder: folder)
        #expect(manifest.folder == folder && manifest.library == .named("MSE"))
        #expect(throws: ManifestError.self) { try Manifest.load(folder: folder + "/none") }
    }
}
