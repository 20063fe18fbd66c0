import Engine
import OrderedCollections
import Protocols

/// Turns a document that follows the schema into typed values. Nothing here fails: the schema has checked every form,
/// so the fallbacks after `??` are never used.
struct ManifestReader {
    let document: Document
    let folder: String

    func manifest() -> Manifest {
        let root = document.root
        let id = root["id"]?.string ?? ""
        return Manifest(
            folder: folder, document: document, id: id, version: root["version"]?.string ?? "",
            name: root["name"]?.string ?? id, summary: root["summary"]?.string ?? "",
            license: root["license"]?.string ?? "", authors: root["authors"]?.array?.compactMap(\.string) ?? [],
            references: references(root),
            library: (root["library"]?["system"]?.string).map { .system($0) }
                ?? .named(root["library"]?.string ?? ""),
            components: items(root, "components", "").map { component($0, at: $1, plugin: id) })
    }

    private func component(_ json: JSON, at pointer: String, plugin: String) -> Component {
        let kind = choice(json["kind"]) ?? Component.Kind.probe
        let id = json["id"]?.string ?? ""
        let scope: ProbeScope? = choice(json["per"])
        return Component(
            plugin: plugin, kind: kind, id: id, name: json["name"]?.string ?? id,
            summary: json["summary"]?.string ?? "", references: references(json),
            parameters: items(json, "params", pointer).map(parameter),
            call: json["finish"].map { function($0, at: "\(pointer)/finish") }
                ?? function(json["call"] ?? .null, at: "\(pointer)/call"),
            add: json["add"].map { function($0, at: "\(pointer)/add") },
            begin: json["begin"].map { function($0, at: "\(pointer)/begin") },
            start: json["start"].map { function($0, at: "\(pointer)/start") },
            describe: json["describe"].map { function($0, at: "\(pointer)/describe") },
            scope: scope ?? (kind == .optimizer || kind == .regularizer ? .parameter : nil),
            isConsecutive: json["consecutive"]?.bool ?? false,
            isElementwise: json["elementwise"]?.bool ?? (kind == .activation),
            outputs: items(json, "outputs", pointer).map(output),
            dimensions: members(json, "dims", pointer).map { Dimension(name: $0, size: size($1), pointer: $2) },
            state: items(json, "state", pointer).map { state($0, at: $1, isOfProbe: kind == .probe) },
            accumulators: items(json, "accumulators", pointer).map(accumulator),
            derivatives: (members(json, "derivatives", pointer) + members(json, "vjp", pointer)).map {
                input, value, here in
                DerivativeDeclaration(
                    input: input, operation: value.string.map { .component($0) } ?? .zero, pointer: here)
            },
            uses: items(json, "uses", pointer).map { ($0.string ?? "", $1) },
            variables: items(json, "variables", pointer).map(variable),
            splits: members(json, "splits", pointer).map(split),
            bindings: members(json, "bindings", pointer).map { name, value, here in
                Binding(name: name, quantities: (value.object ?? [:]).compactMapValues(\.string), pointer: here)
            },
            properties: items(json, "properties", pointer).map(property),
            examples: items(json, "examples", pointer).map(example),
            figures: items(json, "figures", pointer).map { ($0, $1) }, pointer: pointer)
    }

    private func parameter(_ json: JSON, at pointer: String) -> ParameterDeclaration {
        var parameter = ParameterDeclaration(
            id: json["id"]?.string ?? "", type: choice(json["type"]) ?? .string,
            defaultValue: json["default"],
            help: json["help"]?.string, unit: json["unit"]?.string, minimum: json["min"], maximum: json["max"],
            excludesMinimum: json["exclusive_min"]?.bool ?? false,
            excludesMaximum: json["exclusive_max"]?.bool ?? false,
            values: json["values"]?.array?.compactMap(\.string) ?? [], minimumCount: json["min_items"]?.int,
            maximumCount: json["max_items"]?.int, scale: choice(json["scale"]),
            keys: json.object.map { Array($0.keys) } ?? [], pointer: pointer)
        if let value = parameter.defaultValue, case .success(let value) = parameter.check(value) {
            parameter.defaultValue = value
        }
        return parameter
    }

    private func output(_ json: JSON, at pointer: String) -> OutputDeclaration {
        let range = json["range"]?.array
        return OutputDeclaration(
            id: json["id"]?.string ?? "", type: choice(json["dtype"]) ?? .f64,
            shape: shape(json["shape"]), like: json["like"]?.string,
            unit: json["unit"]?.string, help: json["help"]?.string, lowest: range?.first?.double,
            highest: range?.last?.double, mayBeUndefined: json["nan"] != nil,
            classes: json["classes"].map { $0.int.map { .constant($0) } ?? size($0) },
            form: choice(json["form"]), labels: json["labels"]?.array?.compactMap(\.string) ?? [], pointer: pointer)
    }

    private func shape(_ json: JSON?) -> [OutputDeclaration.Extent]? {
        json?.array?.map { extent in
            if let size = extent.int { return .constant(size) }
            switch extent.string {
            case "rows": return .rows
            case "describe": return .described
            case let name: return .dimension(name ?? "")
            }
        }
    }

    private func split(_ name: String, _ json: JSON, at pointer: String) -> Split {
        guard let source = json["of"]?.string else { return Split(name: name, rows: size(json), pointer: pointer) }
        return Split(name: name, rows: json["rows"].map(size) ?? .source, source: source, pointer: pointer)
    }

    private func variable(_ json: JSON, at pointer: String) -> VariableDeclaration {
        VariableDeclaration(
            id: json["id"]?.string ?? "", shape: shape(json["shape"]), role: choice(json["role"]),
            help: json["help"]?.string, pointer: pointer)
    }

    private func accumulator(_ json: JSON, at pointer: String) -> AccumulatorDeclaration {
        AccumulatorDeclaration(
            id: json["id"]?.string ?? "", type: choice(json["dtype"]) ?? .f64, shape: shape(json["shape"]) ?? [],
            help: json["help"]?.string, pointer: pointer)
    }

    private func state(_ json: JSON, at pointer: String, isOfProbe: Bool) -> StateDeclaration {
        let initial = json["init"] ?? .null
        func value(_ key: String) -> StateDeclaration.Value { self.value(initial[key], at: "\(pointer)/init/\(key)") }
        let initializer: StateDeclaration.Initializer =
            switch initial["kind"]?.string {
            case "constant": .constant(value("value"))
            case "normal": .normal(mean: value("mean"), deviation: value("std"))
            case "uniform": .uniform(low: value("low"), high: value("high"))
            case "copy_of_parameter": .copyOfParameter
            case "ones": .constant(self.value(.int(1), at: pointer))
            default: .constant(self.value(.int(0), at: pointer))
            }
        return StateDeclaration(
            id: json["id"]?.string ?? "", shape: shape(json["shape"]),
            type: choice(json["dtype"]) ?? (isOfProbe ? .f64 : .precision), initializer: initializer,
            isMutable: json["mutable"]?.bool ?? true, help: json["help"]?.string, pointer: pointer)
    }

    private func value(_ json: JSON?, at pointer: String) -> StateDeclaration.Value {
        StateDeclaration.Value(
            parameter: json?["param"]?.string, multiplier: json?["mul"]?.double ?? 1,
            offset: json?.double ?? json?["add"]?.double ?? 0, overRootOfFanIn: json?["over_sqrt"] != nil,
            pointer: pointer)
    }

    private func property(_ json: JSON, at pointer: String) -> Property {
        Property(
            kind: choice(json["kind"]) ?? .chunkInvariant,
            names: (json["of"] ?? json["swap"])?.array?.compactMap(\.string) ?? [], degree: json["degree"]?.double,
            component: json["component"]?.string,
            with: Dictionary(uniqueKeysWithValues: (json["with"]?.object ?? [:]).map { ($0, $1) }),
            rtol: json["rtol"]?.double, pointer: pointer)
    }

    private func example(_ json: JSON, at pointer: String) -> Example {
        Example(
            name: json["name"]?.string ?? "",
            given: (json["given"]?.object ?? [:]).mapValues { value in
                array(value).map { .array(shape: $0, data: $1) } ?? .value(value)
            },
            expected: (json["expect"]?.object ?? [:]).mapValues { value in
                if let number = value.double { return .number(number) }
                if let (shape, data) = array(value) { return .array(shape: shape, data: data) }
                return .undefined(reason: value["undefined"]?.string)
            },
            precision: choice(json["dtype"]) ?? .f64, binding: json["binding"]?.string, split: json["split"]?.string,
            rtol: json["rtol"]?.double ?? 0, atol: json["atol"]?.double ?? 0, pointer: pointer)
    }

    private func array(_ json: JSON) -> (shape: [Int], data: [Double])? {
        guard let shape = json["shape"]?.array, let data = json["data"]?.array else { return nil }
        return (shape.map { $0.int ?? 0 }, data.map { $0.double ?? 0 })
    }

    // MARK: - Functions

    private func function(_ json: JSON, at pointer: String) -> Function {
        var symbols: [Precision: String] = [:]
        for precision in Precision.allCases {
            symbols[precision] = json["symbol"]?.string ?? json["symbol"]?[precision.rawValue]?.string
        }
        let returns: Function.Returns =
            if let output = json["returns"]?["output"]?.string { .output(output) } else {
                json["returns"]?.string == "status" ? .status : .nothing
            }
        return Function(
            symbols: symbols, isPerPrecision: json["symbol"]?.object != nil, returns: returns,
            arguments: items(json, "args", pointer).map(argument), pointer: pointer)
    }

    private func argument(_ json: JSON, at pointer: String) -> Argument {
        let name = json["name"]?.string ?? ""
        return Argument(
            name: name, type: ArgumentType(json["type"]?.string ?? "") ?? .service, source: source(json, name),
            form: choice(json["form"]), split: json["from"]?.string == "quantity" ? json["split"]?.string : nil,
            pointer: pointer)
    }

    private func source(_ json: JSON, _ name: String) -> Argument.Source {
        func text(_ key: String) -> String { json[key]?.string ?? name }
        switch json["from"]?.string {
        case "quantity":
            let quantity = json["quantity"]?.string.map { (try? QuantityExpression($0))?.description ?? $0 }
            return .quantity(
                quantity, isWritable: json["access"]?.string == "readwrite",
                isOptional: json["optional"]?.bool ?? false)
        case "input": return .input(text("input"))
        case "data": return .data(field: text("field"), split: json["split"]?.string ?? "train")
        case "activation":
            return .activation(
                choice(json["activation"], else: name), view: json["view"].map { choice($0, else: "") })
        case "column": return .column(choice(json["column"], else: name))
        case "output": return .output(text("output"))
        case "state": return .state(text("state"))
        case "accumulator": return .accumulator(text("accumulator"))
        case "variable": return .variable(text("variable"))
        case "param": return .parameter(text("param"))
        case "dim": return .dimension(of: text("of"), axis(json["axis"]))
        case "count": return .count(of: text("of"))
        case "sizes": return .sizes(of: text("of"))
        case "rows": return .rows(text("split"))
        case "shape": return .shape(text("output"))
        case "classes": return .classes(text("output"))
        case "field": return .field(choice(json["field"]) ?? .role)
        case "const": return .constant(json["value"] ?? .int(0))
        case "workspace":
            let factors = text("elements").split(separator: "*").map(String.init)
            let factor = ManifestChecks.product(factors.compactMap { Int($0) }) ?? 0  // 0 is refused later
            return .workspace(factor: factor, dimensions: factors.filter { Int($0) == nil })
        case "file": return .file(text("file"))
        case "service": return .service(choice(json["service"]) ?? .graph)
        case "step": return .step
        case "steps": return .steps
        case "split": return .split
        case "source_row": return .sourceRow
        case "index_begin": return .indexBegin
        case "index_end": return .indexEnd
        case "message": return .message
        case "message_size": return .messageSize
        default: return .seed
        }
    }

    // MARK: - Pieces

    private func choice(_ json: JSON?, else name: String) -> Argument.Choice {
        json?["param"]?.string.map { .parameter($0) } ?? .named(json?.string ?? name)
    }

    private func axis(_ json: JSON?) -> Axis {
        json?.int.map { .index($0) } ?? (json?.string == "labels" ? .labels : .classes)
    }

    private func size(_ json: JSON) -> Size {
        if json.string != nil { return .described }
        if let argument = json["of"]?.string {
            return .axis(of: argument, axis(json["axis"]), plus: json["plus"]?.int ?? 0)
        }
        return json["param"]?.string.map { .parameter($0) } ?? .constant(json["const"]?.int ?? 0)
    }

    private func references(_ json: JSON) -> [Reference] {
        (json["references"]?.array ?? []).map { item in
            Reference(
                title: item["title"]?.string ?? "", arxiv: item["arxiv"]?.string, doi: item["doi"]?.string,
                url: item["url"]?.string, place: item["where"]?.string)
        }
    }

    private func choice<Choice: RawRepresentable>(_ json: JSON?) -> Choice? where Choice.RawValue == String {
        json?.string.flatMap(Choice.init(rawValue:))
    }

    /// The items of a list with their pointers.
    private func items(_ json: JSON, _ key: String, _ pointer: String) -> [(JSON, at: String)] {
        (json[key]?.array ?? []).enumerated().map { ($1, at: Pointer.child("\(pointer)/\(key)", $0)) }
    }

    /// The members of an object with their pointers.
    private func members(_ json: JSON, _ key: String, _ pointer: String) -> [(String, JSON, String)] {
        (json[key]?.object ?? [:]).map { ($0, $1, Pointer.child("\(pointer)/\(key)", $0)) }
    }
}
