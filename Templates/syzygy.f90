! What a small plugin needs of syzygy.graph/1 and syzygy.record/1 (syzygy.h has all of it), in Fortran. `graph` and `record` are the
! services as the host passes them.
module syzygy
  use, intrinsic :: iso_c_binding
  implicit none
  private
  public :: graph_constant, graph_apply, graph_parameter, graph_layer, graph_status, record_values, record_progress

  type, bind(c) :: initializer
    type(c_ptr) :: scheme
    real(c_double) :: scale
  end type

  type, bind(c) :: attribute
    type(c_ptr) :: name
    real(c_double) :: value
  end type

  ! The begin of syzygy_graph, which only grows at its end.
  type, bind(c) :: table
    integer(c_int32_t) :: struct_size, reserved
    type(c_ptr) :: context
    type(c_funptr) :: parameter_, constant, apply, shaped, shape_, layer
  end type

  type, bind(c) :: record_table
    integer(c_int32_t) :: struct_size, reserved
    type(c_ptr) :: context
    type(c_funptr) :: values, undefined, progress
  end type

  abstract interface
    function values_function(context, step, output, numbers, count) bind(c)
      import
      type(c_ptr), value :: context
      integer(c_int64_t), value :: step, count
      character(kind=c_char), intent(in) :: output(*)
      real(c_double), intent(in) :: numbers(*)
      integer(c_int32_t) :: values_function
    end function
    function progress_function(context, step) bind(c)
      import
      type(c_ptr), value :: context
      integer(c_int64_t), value :: step
      integer(c_int32_t) :: progress_function
    end function
    function parameter_function(context, name, role, sizes, rank, initial, fan_in, fan_out) bind(c)
      import
      type(c_ptr), value :: context
      character(kind=c_char), intent(in) :: name(*), role(*)
      integer(c_int64_t), intent(in) :: sizes(*)
      integer(c_int32_t), value :: rank
      type(initializer), value :: initial
      integer(c_int64_t), value :: fan_in, fan_out
      integer(c_int32_t) :: parameter_function
    end function
    function constant_function(context, number) bind(c)
      import
      type(c_ptr), value :: context
      real(c_double), value :: number
      integer(c_int32_t) :: constant_function
    end function
    function apply_function(context, op, inputs, input_count, attributes, attribute_count) bind(c)
      import
      type(c_ptr), value :: context
      character(kind=c_char), intent(in) :: op(*)
      integer(c_int32_t), intent(in) :: inputs(*)
      integer(c_int32_t), value :: input_count, attribute_count
      type(attribute), intent(in) :: attributes(*)
      integer(c_int32_t) :: apply_function
    end function
    function layer_function(context, name, input, weight, bias, output) bind(c)
      import
      type(c_ptr), value :: context
      character(kind=c_char), intent(in) :: name(*)
      integer(c_int32_t), value :: input, weight, bias, output
      integer(c_int32_t) :: layer_function
    end function
  end interface

  character(kind=c_char, len=13), target, save :: torch_linear = 'torch_linear' // c_null_char

contains

  ! All elements of an output at a step.
  subroutine record_values(record, step, output, numbers)
    type(c_ptr), intent(in) :: record
    integer(c_int64_t), intent(in) :: step
    character(len=*), intent(in) :: output
    real(c_double), intent(in) :: numbers(:)
    type(record_table), pointer :: functions
    procedure(values_function), pointer :: function_
    integer(c_int32_t) :: ignored
    call c_f_pointer(record, functions)
    call c_f_procpointer(functions%values, function_)
    ignored = function_(functions%context, step, output // c_null_char, numbers, size(numbers, kind=c_int64_t))
  end subroutine

  ! 0 to go on, else the status to return.
  function record_progress(record, step) result(status)
    type(c_ptr), intent(in) :: record
    integer(c_int64_t), intent(in) :: step
    integer(c_int32_t) :: status
    type(record_table), pointer :: functions
    procedure(progress_function), pointer :: function_
    call c_f_pointer(record, functions)
    call c_f_procpointer(functions%progress, function_)
    status = function_(functions%context, step)
  end function

  function of(graph) result(functions)
    type(c_ptr), intent(in) :: graph
    type(table), pointer :: functions
    call c_f_pointer(graph, functions)
  end function

  function graph_constant(graph, number) result(node)
    type(c_ptr), intent(in) :: graph
    real(c_double), intent(in) :: number
    integer(c_int32_t) :: node
    type(table), pointer :: functions
    procedure(constant_function), pointer :: call_it
    functions => of(graph)
    call c_f_procpointer(functions%constant, call_it)
    node = call_it(functions%context, number)
  end function

  ! The operation `op`, with at most one attribute.
  function graph_apply(graph, op, inputs, attribute_name, attribute_value) result(node)
    type(c_ptr), intent(in) :: graph
    character(*), intent(in) :: op
    integer(c_int32_t), intent(in) :: inputs(:)
    character(*), intent(in), optional :: attribute_name
    real(c_double), intent(in), optional :: attribute_value
    integer(c_int32_t) :: node, attribute_count
    type(table), pointer :: functions
    procedure(apply_function), pointer :: call_it
    character(kind=c_char, len=80), target :: name
    type(attribute) :: attributes(1)
    functions => of(graph)
    call c_f_procpointer(functions%apply, call_it)
    attribute_count = 0
    attributes(1) = attribute(c_null_ptr, 0)
    if (present(attribute_name) .and. present(attribute_value)) then
      attribute_count = 1
      name = trim(attribute_name) // c_null_char
      attributes(1) = attribute(c_loc(name), attribute_value)
    end if
    node = call_it(functions%context, trim(op) // c_null_char, inputs, size(inputs, kind=c_int32_t), attributes, &
                   attribute_count)
  end function

  ! A trained block; role: weight, bias, scale or other. Fans follow from the shape or are given.
  function graph_parameter(graph, name, role, sizes, fan_in, fan_out) result(node)
    type(c_ptr), intent(in) :: graph
    character(*), intent(in) :: name, role
    integer(c_int64_t), intent(in) :: sizes(:)
    integer(c_int64_t), intent(in), optional :: fan_in, fan_out
    integer(c_int64_t) :: fans(2)
    integer(c_int32_t) :: node
    type(table), pointer :: functions
    procedure(parameter_function), pointer :: call_it
    functions => of(graph)
    call c_f_procpointer(functions%parameter_, call_it)
    fans = 0
    if (present(fan_in)) fans(1) = fan_in
    if (present(fan_out)) fans(2) = fan_out
    node = call_it(functions%context, trim(name) // c_null_char, trim(role) // c_null_char, sizes, &
                   size(sizes, kind=c_int32_t), initializer(c_loc(torch_linear), 1.0_c_double), fans(1), fans(2))
  end function

  ! Declares output = input weight^T, before any bias, as a layer that probes observe. No bias: -1.
  subroutine graph_layer(graph, name, input, weight, bias, output)
    type(c_ptr), intent(in) :: graph
    character(*), intent(in) :: name
    integer(c_int32_t), intent(in) :: input, weight, bias, output
    integer(c_int32_t) :: status
    type(table), pointer :: functions
    procedure(layer_function), pointer :: call_it
    functions => of(graph)
    call c_f_procpointer(functions%layer, call_it)
    status = call_it(functions%context, trim(name) // c_null_char, input, weight, bias, output)
  end subroutine

  ! What a function that made `node` returns. The host knows what went wrong first.
  pure function graph_status(node) result(status)
    integer(c_int32_t), intent(in) :: node
    integer(c_int32_t) :: status
    status = merge(2_c_int32_t, 0_c_int32_t, node < 0)
  end function
end module
