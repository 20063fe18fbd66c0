! output = V tanh(W x + b) + c, x [rows, d_in], output [rows, d_out]. Runs once; the graph is compiled and differentiated.
function newname(graph, x, d_in, d_out, width, output) result(status) bind(c)
  use, intrinsic :: iso_c_binding
  use syzygy
  implicit none
  type(c_ptr), value :: graph
  integer(c_int32_t), value :: x
  integer(c_int64_t), value :: d_in, d_out, width
  integer(c_int32_t), intent(out) :: output
  integer(c_int32_t) :: status, h
  h = graph_apply(graph, 'tanh', [dense('fc', x, d_in, width)])
  output = dense('head', h, width, d_out)
  status = graph_status(output)

contains

  ! x W^T + b, observed by probes as the layer `name`.
  function dense(name, x, d_in, d_out) result(y)
    character(*), intent(in) :: name
    integer(c_int32_t), intent(in) :: x
    integer(c_int64_t), intent(in) :: d_in, d_out
    integer(c_int32_t) :: y, weight, bias, h
    weight = graph_parameter(graph, name // '.weight', 'weight', [d_out, d_in])
    bias = graph_parameter(graph, name // '.bias', 'bias', [d_out], d_in, d_out)
    h = graph_apply(graph, 'matmul', [x, weight], 'transpose_b', 1.0_c_double)
    call graph_layer(graph, name, x, weight, bias, h)
    y = graph_apply(graph, 'add', [h, bias])
  end function
end function
