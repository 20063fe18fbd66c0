import Protocols

/// What the host keeps for a probe goes with every call, and comes back with the answer: the other process keeps nothing, so a new
/// one can go on in its place, and a call that failed can be repeated by itself.
extension MessageWriter {
    mutating func put(_ memory: ProbeMemory) throws {
        try put(memory.accumulators)
        try put(memory.states)
        try put(memory.shapes.count)
        for (binding, shapes) in memory.shapes.sorted(by: { $0.key < $1.key }) {
            try put(binding)
            try put(shapes.count)
            for (argument, shape) in shapes.sorted(by: { $0.key < $1.key }) {
                try put(argument)
                try put(shape)
            }
        }
        try put(memory.failures.count)
        for (binding, reason) in memory.failures.sorted(by: { $0.key < $1.key }) {
            try put(binding)
            try put(reason)
        }
    }

    private mutating func put(_ tensors: [String: ProbeMemory.Tensor]) throws {
        try put(tensors.count)
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            try put(name)
            try put(tensor.isInteger)
            try put(tensor.shape)
            try put(tensor.pointer, bytes: tensor.bytes)
        }
    }
}

extension MessageReader {
    /// Replaces what is in `memory`.
    mutating func memory(into memory: ProbeMemory) throws {
        memory.accumulators = try tensors()
        memory.states = try tensors()
        memory.shapes = [:]
        for _ in 0..<(try count()) {
            let binding = try text()
            var shapes: [String: [Int]] = [:]
            for _ in 0..<(try count()) {
                let argument = try text()
                shapes[argument] = try integers()
            }
            memory.shapes[binding] = shapes
        }
        memory.failures = [:]
        for _ in 0..<(try count()) {
            let binding = try text()
            memory.failures[binding] = try text()
        }
    }

    private mutating func tensors() throws -> [String: ProbeMemory.Tensor] {
        var tensors: [String: ProbeMemory.Tensor] = [:]
        for _ in 0..<(try count()) {
            let name = try text(), isInteger = try flag(), shape = try integers()
            let elements = shape.reduce(1.0) { $0 * Double($1) }
            guard shape.allSatisfy({ $0 >= 0 }), elements * 8 <= Double(bytes) else { throw Channel.Broken.malformed }
            let values = try array(bytes: 8 * Int(elements))
            let tensor = ProbeMemory.Tensor(shape: shape, isInteger: isInteger)
            tensor.pointer.copyMemory(from: values, byteCount: tensor.bytes)
            tensors[name] = tensor
        }
        return tensors
    }

    private mutating func count() throws -> Int {
        let count = try integer()
        guard count >= 0 else { throw Channel.Broken.malformed }
        return count
    }
}
