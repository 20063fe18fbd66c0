import Reporting
import Studies

/// The curves of an output, and what may be chosen.
extension StudyPage {
    private static let mostOutputs = 500

    private var selection: (Selection?, problem: String) {
        do throws(StudyError) {
            let conditions = choice.conditions.split(separator: " ").map(String.init)
            return (try Selection(results, where: conditions), "")
        } catch {
            return ((try? Selection(results)), "\(error)")
        }
    }

    var chart: (LiveChart?, problem: String) {
        let (selection, problem) = selection
        guard let selection else { return (nil, problem) }
        let chart = LiveChart(
            results, output: output, layer: choice.layer.isEmpty ? nil : choice.layer, selection)
        if chart.layers.isEmpty {
            let sentence =
                output == LiveRun.loss.output
                ? "Nothing is recorded yet." : "No run has recorded '\(output)' yet."
            return (chart, problem.isEmpty ? sentence : problem)
        }
        return (chart, problem.isEmpty && chart.panels.isEmpty ? chart.notes.last ?? "" : problem)
    }

    var outputs: ViewPart {
        let names =
            [LiveRun.loss.output] + study.outputs.filter { $0 != LiveRun.loss.output }.prefix(Self.mostOutputs)
        let options: [Markup] = names.map { "<option value=\"\($0)\"></option>" }
        return part("datalist", "outputs", "\(options)")
    }

    func layers(_ chart: (LiveChart?, problem: String)) -> ViewPart {
        let layers = (chart.0?.layers ?? []).filter { !$0.isEmpty }
        let options: [Markup] = layers.map { layer in
            let mark: Markup = layer == choice.layer ? " selected" : ""
            return "<option\(mark)>\(layer)</option>"
        }
        return part("select", "layers", "<option value=\"\">all</option>\(options)")
    }

    func curves(_ chart: (LiveChart?, problem: String)) -> ViewPart {
        let problem: Markup = chart.problem.isEmpty ? "" : "<p class=\"soft\">\(chart.problem)</p>"
        guard let drawing = chart.0, !drawing.panels.isEmpty else { return part("div", "curves", problem) }
        let panels: [Markup] = drawing.svg.map { "<div class=\"panel\">\($0)</div>" }
        let legend: [Markup] = drawing.shown.map { setting in
            let value: Markup = drawing.panels.count == 1 ? " <b>\(setting.last)</b>" : ""
            let runs = [(setting.finished, "finished"), (setting.running, "running")].filter { $0.0 > 0 }
                .map { "\($0) \($1)" }.joined(separator: ", ")
            let missing = setting.reasons.isEmpty ? "" : ", no value: \(setting.reasons)"
            return
                "<span class=\"s\(setting.style)\"><span class=\"line\"></span><span class=\"ink\">\(setting.label)\(value)<i class=\"soft\"> \(runs)\(missing)</i></span></span>"
        }
        let unit = drawing.unit.map { " (\($0))" } ?? ""
        let note = (["Across: training steps."] + drawing.notes).joined(separator: " ")
        return part(
            "div", "curves",
            """
            \(problem)<h3>\(drawing.output)\(unit)</h3>
            <div class="panels \(drawing.panels.count == 1 ? "one" : "many")">\(panels)</div>
            <div class="legend">\(legend)</div><p class="note">\(note)</p>
            """)
    }
}
