import Engine
import Manifests
import OrderedCollections
import PluginHost
import Protocols

/// What must be there before anything is computed: values in their types, files, plugins, rows.
extension RunResolver {
    /// The dataset must have the fields and splits that a procedure works on.
    mutating func checkData(of key: DottedKey) {
        guard let component = entries[key]?.component, let wanted = component.data.first else { return }
        guard let dataset = entries[DottedKey("dataset")]?.component else {
            add(
                tree.keyPlace(key),
                "\(key): \(component.id) works on '\(wanted.field)' of a dataset, and the study has none")
            return
        }
        for (field, split) in component.data {
            let fields = fields(of: Self.dataset), splits = dataset.splits.map(\.name)
            if !fields.contains(field) {
                let hint = Nearest.hint(for: field, among: fields, label: "it has")
                add(tree.keyPlace(key), "\(key): \(component.id) needs the field '\(field)' of \(dataset.id)\(hint)")
            }
            if !splits.contains(split) {
                let hint = Nearest.hint(for: split, among: splits, label: "it has")
                add(tree.keyPlace(key), "\(key): \(component.id) needs the split '\(split)' of \(dataset.id)\(hint)")
            }
        }
    }

    mutating func choice(_ key: DottedKey, _ entry: Entry) -> Choice {
        var choice = Choice(component: entry.component.fullID)
        for parameter in entry.component.parameters { choice.options[parameter.id] = checked(parameter, in: key) }
        return choice
    }

    /// The value of an option in its declared type; nil after a mistake.
    mutating func checked(_ parameter: ParameterDeclaration, in section: DottedKey) -> JSON? {
        let option = section.appending(parameter.id)
        switch parameter.check(tree[option] ?? .null) {
        case .success(let value):
            if parameter.type.isFile { checkFiles(value, option) }
            if parameter.type == .activation, let name = value.string.flatMap({ OperationReference($0) })?.name,
                !parameter.values.contains(name)
            {
                findActivation(name, parameter, section)
            }
            tree.resolve(option, value)
            return value
        case .failure(let problem):
            add(tree.place(DottedKey(option.parts + Pointer.tokens(problem.path))), "\(section): \(problem)")
            return nil
        }
    }

    /// Activations and operations of plugins must be there before anything is computed.
    mutating func findActivation(_ name: String, _ parameter: ParameterDeclaration, _ section: DottedKey) {
        if let (manifest, _) = try? registry.component(name, kind: .activation) {
            operations.append(manifest)
        } else {
            let installed = registry.manifests.flatMap(\.components).filter { $0.kind == .activation }.map(\.id)
            let hint = Nearest.hint(for: name, among: parameter.values + installed)
            add(tree.place(section.appending(parameter.id)), "\(section): unknown \(parameter.id) '\(name)'\(hint)")
        }
    }

    /// The quantity with the plugins that define it, which the run then uses too.
    mutating func resolve(_ expression: QuantityExpression) throws(UnknownQuantity) -> ResolvedQuantity {
        let resolved = try registry.quantities.resolve(expression)
        operations += resolved.components.compactMap { component in
            registry.manifests.first { $0.id == component.plugin }
        }
        return resolved
    }

    /// A split that the dataset does not have.
    mutating func checkSplit(_ split: String, _ place: String, _ what: String) {
        guard let splits = entries[DottedKey("dataset")]?.component.splits.map(\.name), !splits.contains(split) else {
            return
        }
        let nearest = Nearest.question(for: split, among: splits), list = splits.joined(separator: ", ")
        add(place, "\(what): the dataset has no split '\(split)'\(nearest) (it has: \(list))")
    }

    /// Quantities of other plugins that a probe asks for must be there, and exist in its scope.
    mutating func checkQuantities(of key: DottedKey, _ choice: Choice) {
        guard let component = entries[key]?.component, let scope = component.scope else { return }
        for id in Set(component.measuringFunctions.flatMap(\.arguments).compactMap(\.split)).sorted() {
            guard let split = choice.options[id]?.string else { continue }
            checkSplit(split, tree.place(key.appending(id)), "\(key).\(id)")
        }
        if let plugins = checkedProbes[choice] {
            operations += plugins
            return
        }
        let before = (operations.count, problems.count)
        defer { if problems.count == before.1 { checkedProbes[choice] = Array(operations[before.0...]) } }
        for text in component.expandedBindings(choice.options).flatMap(\.quantities.values) {
            do throws(UnknownQuantity) {
                let expression = try QuantityExpression(text)
                guard expression.definition != nil, try !resolve(expression).scopes.contains(scope) else { continue }
                add(
                    tree.keyPlace(key),
                    "\(key): \(component.id) is per \(scope.rawValue), and '\(text)' does not exist there")
            } catch {
                add(tree.keyPlace(key), "\(key): \(component.id) needs '\(text)': \(error.sentence)")
            }
        }
    }

    mutating func findOperation(_ name: String, at key: DottedKey) {
        do throws(PluginError) {
            operations.append(try registry.operation(name).0)
        } catch {
            add(tree.place(key), "\(key): uses an operation that is not there: \(error.sentence)")
        }
    }

    /// Files must be there before anything is computed.
    mutating func checkFiles(_ value: JSON, _ key: DottedKey) {
        let places = value.array.map { $0.indices.map { key.appending("\($0)") } } ?? [key]
        for (item, place) in zip(value.array ?? [value], places) {
            guard let path = item.string, !path.isEmpty else { continue }
            if let problem = DataFile.problem(with: path, in: folder) {
                add(tree.place(place), "\(key): \(problem)")
            } else {
                files.append(path)
            }
        }
    }

    /// Every component must be able to run in the precision of the study.
    mutating func checkPrecision() {
        let key = DottedKey("train.precision")
        guard let precision = Precision(rawValue: tree[key]?.string ?? "") else { return }
        for (section, entry) in entries where !entry.component.precisions.contains(precision) {
            let list = entry.component.precisions.map(\.rawValue).sorted().joined(separator: ", ")
            add(
                tree.place(key),
                "\(section): \(entry.component.id) does not run in \(precision.rawValue) (it has: \(list))")
        }
    }

    /// A study that asks for more rows than there are would otherwise get fewer without a word.
    mutating func checkRows(_ key: DottedKey, in split: String, remedy: String) {
        guard let wanted = tree[key]?.int, let rows = rows(in: split), wanted > rows else { return }
        add(tree.place(key), "\(key): \(wanted) is more than the \(rows) rows of the split '\(split)'; \(remedy)")
    }
}
