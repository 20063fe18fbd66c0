/// What must hold of a manifest beyond its schema.
struct ManifestChecks {
    static func problems(in manifest: Manifest) -> [Problem] { [] }
}
