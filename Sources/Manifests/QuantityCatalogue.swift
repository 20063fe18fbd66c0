/// What the quantities of `QuantityExpression` are, in words and formulas: the tables of `docs/quantities.md`.
package enum QuantityCatalogue {
    package struct Entry {
        package var name: String
        package var shape: String
        package var meaning: String

        init(_ name: String, _ shape: String, _ meaning: String) {
            (self.name, self.shape, self.meaning) = (name, shape, meaning)
        }
    }

    /// Of a quantity that is not formed from others, by its name; nil if nobody has written one.
    package static func entry(_ basic: QuantityExpression.Basic) -> Entry? {
        let name = basic.rawValue
        return basics.first { $0.name == name } ?? families.first { name.hasPrefix($0.name.dropLast()) }
    }

    package static func entry(_ function: QuantityExpression.Function) -> Entry? {
        functions.first { $0.name.prefix { $0 != "(" } == function.rawValue }
    }

    /// Tables of all that the code knows, in its order.
    package static var text: String {
        func table(_ entries: [Entry?]) -> [String] {
            var names: Set<String> = []
            let rows = entries.compactMap(\.self).filter { names.insert($0.name).inserted }
            return ["| quantity | shape | meaning |", "| --- | --- | --- |"]
                + rows.map { "| `\($0.name)` | \($0.shape) | \($0.meaning) |" }
        }
        let derived =
            "Derived, computed once per observation in f64 and shared by all probes; p and q are n × d quantities, j is a Jacobian, w a weight:"
        return
            (table(QuantityExpression.Basic.allCases.map(entry)) + ["", derived, ""]
            + table(QuantityExpression.Function.allCases.map(entry))).joined(separator: "\n") + "\n"
    }

    private static let basics = [
        Entry("layer.input", "n × d_in", "h_a, what the layer multiplies"),
        Entry("layer.output", "n × d_out", "h_b = h_a Wᵀ, before the bias"),
        Entry(
            "layer.output_grad", "n × d_out",
            "∂ℓ_i/∂h_b, gradient of the **per-sample** loss (not divided by n), plus sign; no regularizer"),
        Entry("layer.input_grad", "n × d_in", "∂ℓ_i/∂h_b · W, the gradient at h_a through this layer"),
        Entry(
            "layer.output_jacobian", "n × C × d_out",
            "∂z_c/∂h_b for each of the C outputs z of the network (all numbers of a row of `model.output`), before the loss; "
                + "with `cotangents: R` of the study R random combinations of them"),
        Entry("layer.input_jacobian", "n × C × d_in", "∂z_c/∂h_b · W, the derivative at h_a through this layer"),
        Entry("layer.weight", "d_out × d_in", "W, the current values"),
        Entry("layer.weight_initial", "d_out × d_in", "W before the first step"),
        Entry("layer.weight_change", "d_out × d_in", "W minus its values before the first step"),
        Entry("layer.bias", "d_out", "current values; a layer without bias has none"),
        Entry(
            "layer.weight_place", "d_out × d_in",
            "where W's numbers are in `parameters`, and in the points of `syzygy.objective/1`: indices from 0; one that a parametrization makes has none"
        ),
        Entry("layer.bias_place", "d_out", "the same of the bias"),
        Entry("model.output", "n × C", "logits or predictions"),
        Entry("targets", "n × C", "real targets, or one-hot labels"),
        Entry("sample.loss", "n", "ℓ_i, without regularizers"),
        Entry("labels", "n", "class indices, i32"),
        Entry("parameter.value", "count", "for `per: parameter`: its values, row-major"),
        Entry(
            "parameter.grad", "count", "for `per: parameter`: the gradient of the mean loss over the observed rows"),
        Entry("parameters", "count", "all trained parameters, one after the other in the order of the model"),
    ]

    /// Names with `*`, for several quantities that are those of another place.
    private static let families = [
        Entry(
            "head.*", "as `layer.*`",
            "the same for the last layer of the model: `head.input` are the penultimate features"),
        Entry(
            "first.*", "as `layer.*`, `model.*`, …",
            "of a pair of layers or runs: the quantity of the first one; `first.input` is its `layer.input`"),
        Entry("second.*", "as `layer.*`, `model.*`, …", "the same of the second one"),
    ]

    private static let functions = [
        Entry("moment.raw(q)", "d × d", "(1/n) Σ q_i q_iᵀ"),
        Entry(
            "moment.centred(q)", "d × d", "(1/n) Σ (q_i − q̄)(q_i − q̄)ᵀ, by merged chunks (Chan), never E[qqᵀ] − q̄q̄ᵀ"),
        Entry(
            "moment.normalized(q)", "d × d",
            "`moment.centred` of q_i/‖q_i‖; rows with ‖q_i‖ below about 1e-12 of the largest are left out "
                + "(2^-40 to 2^-50: norms are compared by powers of 2^10)"),
        Entry("cross.raw(p, q)", "d_p × d_q", "(1/n) Σ p_i q_iᵀ"),
        Entry("cross.centred(p, q)", "d_p × d_q", "(1/n) Σ (p_i − p̄)(q_i − q̄)ᵀ, by merged chunks"),
        Entry("mean(q)", "d", "q̄"),
        Entry(
            "agop.raw(j)", "d × d",
            "(1/n) Σ_i J_iᵀ J_i, the average gradient outer product, summed over outputs; C sweeps back through the network, or R"
        ),
        Entry(
            "agop.centred(j)", "d × d",
            "(1/n) Σ_i (J_i − J̄)ᵀ (J_i − J̄); undefined (`random_cotangents`) with `cotangents`"),
        Entry("wtw(w)", "d_in × d_in", "wᵀw for w = `layer.weight`"),
        Entry("wwt(w)", "d_out × d_out", "wwᵀ"),
    ]
}
