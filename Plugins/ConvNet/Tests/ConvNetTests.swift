import Engine
import Manifests
import PluginTesting
import Protocols
import Testing

@Suite struct ConvNetTests {
    /// Loss, outputs and all gradients of one training step.
    @Test(arguments: ["conv_net", "conv_net-batch"], [(Precision.f64, 1e-10), (.f32, 1e-5)])
    func agreesWithPyTorch(reference: String, precision: (Precision, tolerance: Double)) throws {
        let errors = try ModelReference(reference).errors(precision.0)
        #expect(errors.worst <= precision.tolerance, "\(errors)")
    }
}
