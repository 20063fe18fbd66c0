@main struct Syzygy { static func main() {} }
