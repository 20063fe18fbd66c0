import CShims
import Engine
import Manifests

/// Calls of one function for a parameter at the end of a run, part by part if it is elementwise, from any thread.
final class PartedCall {
    /// Has every argument of a call for the whole parameter.
    private let frame: CallFrame
    private let function: Function
    private let operands: [String: Operand]
    private let bytes: Int
    /// Set when a call has failed; shared by all calls of a component.
    private let failed: UnsafeMutablePointer<Int32>
    private let output: OutputBuffer?
    private var memory: [UnsafeMutableRawPointer] = []
    /// Of each program that makes the calls.
    private var programs: [Prepared] = []

    private struct Prepared {
        var threads: UnsafeMutableBufferPointer<sz_parts_thread>
        /// The value each part gave, if the function returns one; 0 where that has been asked for.
        var results: UnsafeMutableBufferPointer<Double>
    }

    /// - Parameters:
    ///   - operands: tensors of the parameter's elements, by argument.
    ///   - output: where the function writes its value through a pointer.
    init(
        _ frame: CallFrame, _ function: Function, operands: [String: Operand], precision: Precision,
        output: OutputBuffer?, failed: UnsafeMutablePointer<Int32>
    ) {
        (self.frame, self.function, self.operands) = (frame, function, operands)
        (bytes, self.output, self.failed) = (precision.bytes, output, failed)
    }

    deinit { for pointer in memory { pointer.deallocate() } }

    /// Whether nothing but pointers to elements, their number and the message differ between the calls for parts.
    static func canBeParted(_ function: Function) -> Bool {
        function.arguments.allSatisfy { argument in
            switch argument.source {
            case .quantity, .state, .parameter, .constant, .field, .seed, .step, .message, .messageSize: true
            case .count: !argument.type.isFloating(.f64)
            default: false
            }
        }
    }

    /// The arguments of `sz_call_parts`.
    /// - Parameter isParted: whether the function is called for parts; by default, if there are several.
    func arguments(_ parts: Update.Parts, isParted: Bool? = nil) -> UnsafeRawPointer {
        let isParted = isParted ?? (parts.parts > 1)
        let prepared = frame.prepared
        var moving: [sz_moving] = []
        var message: Int?
        for (i, argument) in function.arguments.enumerated() {
            switch argument.source {
            case .quantity, .state, .input, .output:
                guard case .memory(let pointer?) = operands[argument.name]?.value else { continue }
                moving.append(
                    sz_moving(
                        argument: Int32(i), bytes: Int32(bytes), base: pointer.assumingMemoryBound(to: CChar.self)))
            case .count(let of) where operands[of] != nil && isParted:
                moving.append(sz_moving(argument: Int32(i), bytes: 0, base: nil))
            case .message: message = i
            default: continue
            }
        }
        let threads = UnsafeMutableBufferPointer(
            start: allocate(sz_parts_thread(), count: parts.threads), count: parts.threads)
        for thread in threads.indices {
            let values = allocate(UnsafeMutableRawPointer?.none, count: prepared.count)
            values.update(from: prepared.values, count: prepared.count)
            let slots = allocate(UInt64(0), count: moving.count + 1)
            for (slot, item) in moving.enumerated() {
                values[Int(item.argument)] = UnsafeMutableRawPointer(slots + slot)
            }
            threads[thread].values = values
            threads[thread].slots = slots
            guard let message else { continue }
            let text = allocate(CChar(0), count: CallFrame.messageSize)
            values[message] = UnsafeMutableRawPointer(slots + moving.count)
            threads[thread].message = text
            threads[thread].spare = allocate(CChar(0), count: CallFrame.messageSize)
        }
        let results = UnsafeMutableBufferPointer(start: allocate(0.0, count: parts.parts), count: parts.parts)
        programs.append(Prepared(threads: threads, results: results))
        let gives: Int =
            switch function.returns {
            case .nothing: SZ_GIVES_NOTHING
            case .status: SZ_GIVES_STATUS
            case .output: SZ_GIVES_VALUE
            }
        let moves = allocate(sz_moving(), count: moving.count)
        moves.update(from: moving, count: moving.count)
        return UnsafeRawPointer(
            allocate(
                sz_parts(
                    signature: prepared.signature, function: prepared.address, count: Int64(parts.count),
                    unit: Int64(parts.elementsPerUnit), grain: Int64(parts.unitsPerPart), moving: moves,
                    moves: Int32(moving.count), gives: Int32(gives), results: results.baseAddress,
                    threads: threads.baseAddress, failed: failed),
                count: 1))
    }

    private func allocate<T: BitwiseCopyable>(_ value: T, count: Int) -> UnsafeMutablePointer<T> {
        let pointer = UnsafeMutablePointer<T>.allocate(capacity: max(count, 1))
        pointer.initialize(repeating: value, count: max(count, 1))
        memory.append(UnsafeMutableRawPointer(pointer))
        return pointer
    }

    /// What the function gave in the last run, of whichever program: the sum over parts, always in the same order. Forgotten by asking.
    func takeValue() -> Double {
        if let output { return output.value(0) }
        guard case .output = function.returns else { return 0 }
        var sum = 0.0
        for program in programs {
            for part in program.results.indices {
                sum += program.results[part]
                program.results[part] = 0
            }
        }
        return sum
    }

    /// The status and message of the first part that failed in the last run, forgotten by asking.
    func takeFailure() -> (status: Int32, message: String)? {
        let failed = programs.lazy.map(\.threads).first { $0.contains { $0.status != 0 } }
        guard let threads = failed,
            let first = threads.indices.filter({ threads[$0].status != 0 }).min(by: {
                threads[$0].part < threads[$1].part
            })
        else { return nil }
        let text = threads[first].message.map { text in
            text[CallFrame.messageSize - 1] = 0
            return String(cString: text)
        }
        let status = threads[first].status
        for thread in threads.indices { threads[thread].status = 0 }
        return (status, text ?? "")
    }
}
