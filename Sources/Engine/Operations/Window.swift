import CShims

/// One spatial axis of a window that slides over an image: position q covers elements q · stride + tap · dilation − before of
/// the image, tap < kernel. Elements outside the image are padding.
package struct WindowAxis: Hashable, Sendable {
    /// Of the image.
    package var size: Int
    package var kernel: Int
    package var stride = 1
    package var before = 0
    package var after = 0
    package var dilation = 1

    /// Windows that fit.
    package var positions: Int { (size + before + after - dilation * (kernel - 1) - 1) / stride + 1 }

    /// Taps of the window at a position that are inside the image.
    func taps(at position: Int) -> Range<Int> {
        let first = position * stride - before
        let begin = first >= 0 ? 0 : (-first + dilation - 1) / dilation
        let end = first >= size ? 0 : min(kernel, (size - first + dilation - 1) / dilation)
        return begin..<max(begin, end)
    }

    var inC: sz_conv_axis {
        sz_conv_axis(
            in: Int64(size), out: Int64(positions), kernel: Int64(kernel), stride: Int64(stride),
            before: Int64(before),
            dilation: Int64(dilation))
    }
}

/// How a kernel slides over an image, before the sizes of both are known.
package struct WindowSteps: Hashable, Sendable {
    /// Rows, then columns, in each of these.
    package var stride = [1, 1]
    package var dilation = [1, 1]
    /// Zeros added before the first and after the last row, and column.
    package var before = [0, 0]
    package var after = [0, 0]

    package init(stride: [Int] = [1, 1], padding: [Int] = [0, 0], dilation: [Int] = [1, 1]) {
        (self.stride, before, after, self.dilation) = (stride, padding, padding, dilation)
    }

    /// The axes of an image `[rows, height, width, channels]`; throws a sentence if no window fits.
    func axes(on image: Operand, kernel: [Int], for what: String) throws -> [WindowAxis] {
        guard image.shape.count == 4 else {
            throw GraphError("\(what): \(image) is not [rows, height, width, channels]")
        }
        return try [0, 1].map { i in
            let side = ["height", "width"][i]
            for (name, value, least) in [
                ("kernel", kernel[i], 1), ("stride", stride[i], 1), ("dilation", dilation[i], 1),
                ("padding", before[i], 0), ("padding", after[i], 0),
            ] where !(least...WindowSteps.largest).contains(value) {
                throw GraphError(
                    "\(what): \(name) of the \(side) is \(value); \(least) to \(WindowSteps.largest) expected")
            }
            let axis = WindowAxis(
                size: image.shape[i + 1], kernel: kernel[i], stride: stride[i], before: before[i], after: after[i],
                dilation: dilation[i])
            let (have, need) = (axis.size + axis.before + axis.after, axis.dilation * (axis.kernel - 1) + 1)
            guard have >= need else {
                throw GraphError(
                    "\(what): the kernel spans \(need) of the \(side), \(image) with its padding has \(have)")
            }
            return axis
        }
    }

    private static let largest = 1 << 16
}
