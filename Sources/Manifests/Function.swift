import Engine

/// A C function and where its arguments come from.
package struct Function: Sendable {
    package enum Returns: Hashable, Sendable {
        case nothing
        /// 0 success, 4 no value for this input, else failure.
        case status
        /// An f64 that is an output.
        case output(String)
    }

    /// One function per precision; the same name twice if the manifest names one function.
    package var symbols: [Precision: String]
    /// Whether `T` has a meaning.
    package var isPerPrecision: Bool
    package var returns: Returns
    package var arguments: [Argument]
    package var pointer: String

    package func argument(_ name: String) -> Argument? { arguments.first { $0.name == name } }
}

/// An argument of a function, in the order of the C signature.
package struct Argument: Hashable, Sendable {
    package var name: String
    package var type: ArgumentType
    package var source: Source
    /// Of a quantity that expressions give: what it must look like.
    package var form: QuantityExpression.Form?
    /// Of a quantity of another split than the probe's: the param that names it.
    package var split: String?
    package var pointer: String

    package enum Source: Hashable, Sendable {
        /// An expression of the catalogue in its canonical form, or nil if the bindings give it.
        case quantity(String?, isWritable: Bool, isOptional: Bool)
        case input(String)
        /// All rows of a field of the dataset, or of the one that a dataset is made of, by split.
        case data(field: String, split: String)
        /// A node of the model by its name, `output`, `fc1.input`, `fc1.output`; of its application to a view if one is given.
        case activation(Choice, view: Choice?)
        /// All rows of a field of the training split.
        case column(Choice)
        case output(String)
        case state(String)
        case accumulator(String)
        /// In `call` the node of a variable, in `start` its first values.
        case variable(String)
        case parameter(String)
        case dimension(of: String, Axis)
        case count(of: String)
        /// The number of bytes of each file of a list.
        case sizes(of: String)
        case field(Field)
        case constant(JSON)
        /// Scratch of factor · product of dims elements.
        case workspace(factor: Int, dimensions: [String])
        case file(String)
        case service(Service)
        /// What `describe` writes: the rows of a split, the axes of one row of an output, its number of classes.
        case rows(String)
        case shape(String)
        case classes(String)
        /// Of a dataset made of another one: where each row comes from.
        case sourceRow
        case seed, step, steps, split, indexBegin, indexEnd, message, messageSize
    }

    package enum Field: String, Sendable {
        case role
        case fanIn = "fan_in"
        case fanOut = "fan_out"
        /// Of the parameter, a text.
        case name
        case epoch
        case batchSize = "batch_size"
        /// Rows of the training split.
        case rowCount = "row_count"

        /// The kinds that have it.
        package var kinds: [Component.Kind] {
            switch self {
            case .role, .fanIn, .fanOut: [.optimizer, .regularizer, .parametrization, .initializer]
            case .name: [.initializer]
            case .epoch, .batchSize, .rowCount: [.sampler]
            }
        }
    }

    /// A name that the manifest gives, or the value of a string param.
    package enum Choice: Hashable, Sendable {
        case named(String)
        case parameter(String)
    }

    package enum Service: String, CaseIterable, Sendable {
        case graph = "syzygy.graph/1"
        case random = "syzygy.random/1"
        case linalg = "syzygy.linalg/1"
        case objective = "syzygy.objective/1"
        case jacobian = "syzygy.jacobian/1"
        case record = "syzygy.record/1"

        /// Evaluates the network.
        package var needsNetwork: Bool { self == .objective || self == .jacobian }
    }
}

/// Types of C values, by exact width.
package enum Scalar: String, CaseIterable, Hashable, Sendable {
    case i8, u8, i16, u16, i32, u32, i64, u64, f32, f64
    /// The precision of the run.
    case precision = "T"
    case size

    package var isInteger: Bool { ![.f32, .f64, .precision].contains(self) }
}

package enum ArgumentType: Hashable, Sendable, CustomStringConvertible {
    case scalar(Scalar)
    case pointer(Scalar)
    /// `char*`
    case text
    /// `char**`
    case texts
    /// `u8**`, the bytes of several files.
    case files
    /// A pointer to a struct of `syzygy.h`.
    case service

    package init?(_ name: String) {
        switch name {
        case "char*": self = .text
        case "char**": self = .texts
        case "u8**": self = .files
        case "service": self = .service
        default:
            let isPointer = name.hasSuffix("*")
            guard let scalar = Scalar(rawValue: isPointer ? String(name.dropLast()) : name) else { return nil }
            self = isPointer ? .pointer(scalar) : .scalar(scalar)
        }
    }

    package var description: String {
        switch self {
        case .scalar(let scalar): scalar.rawValue
        case .pointer(let scalar): "\(scalar.rawValue)*"
        case .text: "char*"
        case .texts: "char**"
        case .files: "u8**"
        case .service: "service"
        }
    }

    /// Whether the type depends on the precision of the run.
    package var isGeneric: Bool { self == .scalar(.precision) || self == .pointer(.precision) }
}
