import Foundation

/// The environment of a worker.
package enum WorkerEnvironment {
    /// Gives this process the environment of a worker that is alone: libraries have read theirs when they were loaded, so the
    /// program starts once more unless it has the right one.
    package static func enter(threads: Int) throws(StudyError) {
        let variables = variables(threads: threads, jobs: 1)
        guard variables != ProcessInfo.processInfo.environment else { return }
        for (name, value) in variables { setenv(name, value, 1) }
        let words = CommandLine.arguments.map { strdup($0) }
        execv("/proc/self/exe", words + [nil])
        throw StudyError("this program cannot be started again: \(String(cString: strerror(errno)))")
    }

    static func variables(threads: Int, jobs: Int) -> [String: String] {
        var variables = ProcessInfo.processInfo.environment
        variables["OMP_NUM_THREADS"] = "\(threads)"
        variables["OPENBLAS_NUM_THREADS"] = "\(threads)"
        // Threads of OpenBLAS that wait spin for some microseconds, which bridges the gap to the next product; longer, they take the cores
        // of the engine's threads and of other runs.
        if variables["OMP_WAIT_POLICY"] == nil, variables["GOMP_SPINCOUNT"] == nil {
            variables["GOMP_SPINCOUNT"] = threads * jobs <= Host.cores ? "20000" : "0"
        }
        // Observations take and give back megabytes; memory that the kernel has to clear anew each time costs more than they do.
        for (name, value) in [("MALLOC_TRIM_THRESHOLD_", "1000000000"), ("MALLOC_MMAP_THRESHOLD_", "33554432")]
        where variables[name] == nil { variables[name] = value }
        // OpenBLAS 0.3.21 does not know newer AVX-512 processors and falls back to its AVX2 kernels.
        if variables["OPENBLAS_CORETYPE"] == nil, Host.hasAVX512 { variables["OPENBLAS_CORETYPE"] = "SkylakeX" }
        return variables
    }
}
