import Foundation

/// An array job of Slurm that computes a study: each task a shard of its runs.
///
/// Source: the manual pages of sbatch, scontrol and squeue of Slurm 22.05.
package struct SlurmJob {
    /// The arguments of `syzygy run`, its folder and shard aside.
    package var arguments: [String]
    package var executable: String
    /// Where relative paths of the arguments begin.
    package var directory: String
    package var folder: StudyFolder
    package var name: String
    package var tasks: Int
    /// Options of sbatch, as it takes them: `--partition=gpu`.
    package var options: [String]
    /// Seconds before the end of its time at which a task writes where its runs are and goes back into the queue.
    package var notice: Int
    /// How often it may.
    package var restarts: Int

    package init(
        arguments: [String], executable: String, directory: String, folder: StudyFolder, name: String, tasks: Int,
        options: [String], notice: Int = 60, restarts: Int = 100
    ) {
        (self.arguments, self.executable, self.directory) = (arguments, executable, directory)
        (self.folder, self.name, self.tasks, self.options) = (folder, name, tasks, options)
        (self.notice, self.restarts) = (notice, restarts)
    }

    package var scriptFile: String { folder.slurmFolder + "/job.sh" }

    /// What sbatch is given.
    package var script: String {
        let directives =
            [
                "--job-name=\(name)", "--array=1-\(tasks)",
                "--output=\(Self.directive(folder.slurmFolder + "/%A_%a.log"))",
                "--open-mode=append", "--requeue", "--signal=B:TERM@\(notice)",
            ] + options
        let command = ([executable, "run"] + arguments + ["--out", folder.path]).map(Self.quoted).joined(
            separator: " ")
        return """
            #!/bin/sh
            \(directives.map { "#SBATCH \($0)" }.joined(separator: "\n"))
            # Written by 'syzygy submit'. Shortly before its time is over a task gets SIGTERM: runs write where they are, and the task goes back
            # into the queue, from where it goes on.
            cd \(Self.quoted(directory)) || exit 1
            \(command) --shard "$SLURM_ARRAY_TASK_ID/\(tasks)" --quiet &
            child=$!
            trap 'kill -TERM $child 2>/dev/null' TERM
            wait $child
            status=$?
            while kill -0 $child 2>/dev/null; do
                wait $child
                status=$?
            done
            if [ $status -eq 130 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt \(restarts) ]; then
                scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" && sleep 60
            fi
            exit $status

            """
    }

    /// Writes the script and submits it; the number of the job.
    package func submit() throws(StudyError) -> String {
        try write()
        let result = try Self.run(["sbatch", "--parsable", scriptFile])
        let job = result.output.split(whereSeparator: { $0 == ";" || $0.isNewline }).first.map(String.init) ?? ""
        guard result.status == 0, Int(job) != nil else {
            throw StudyError(
                "sbatch refused \(scriptFile): \(result.errors.trimmingCharacters(in: .whitespacesAndNewlines))")
        }
        let line = Data("\(job) \(tasks) \(Timestamp.now())\n".utf8)
        let file = folder.slurmFolder + "/jobs"
        if let handle = FileHandle(forWritingAtPath: file) {
            handle.seekToEndOfFile()
            handle.write(line)
            try? handle.close()
        } else if !FileManager.default.createFile(atPath: file, contents: line) {
            throw StudyError("\(file): cannot be written; the job is \(job)")
        }
        return job
    }

    package func write() throws(StudyError) {
        try StudyFolder.create(folder.slurmFolder)
        do {
            try script.write(toFile: scriptFile, atomically: true, encoding: .utf8)
        } catch {
            throw StudyError("\(scriptFile): cannot be written: \(error)")
        }
    }

    /// For a shell.
    private static func quoted(_ word: String) -> String {
        let plain = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./=:,@%+".contains($0)) }
        return plain && !word.isEmpty ? word : "'" + word.replacingOccurrences(of: "'", with: #"'\''"#) + "'"
    }

    /// For a line of sbatch, which takes quotes around blanks.
    private static func directive(_ path: String) -> String { path.contains(" ") ? "\"\(path)\"" : path }

    fileprivate static func run(
        _ words: [String]
    ) throws(StudyError) -> (status: Int32, output: String, errors: String) {
        let process = Process(), output = Pipe(), errors = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        (process.standardOutput, process.standardError) = (output, errors)
        process.standardInput = FileHandle.nullDevice
        do { try process.run() } catch { throw StudyError("\(words[0]) cannot be started: \(error)") }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let complaints = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text, complaints)
    }
}

extension StudyFolder {
    package var slurmFolder: String { path + "/slurm" }

    /// What the queue says of the last job that was submitted for this folder; nil if there is none.
    package var slurmWords: String? {
        guard let text = try? String(contentsOfFile: slurmFolder + "/jobs", encoding: .utf8),
            let fields = text.split(separator: "\n").last?.split(separator: " "), fields.count >= 2
        else { return nil }
        let (job, tasks) = (String(fields[0]), Int(fields[1]) ?? 1)
        guard let queue = try? SlurmJob.run(["squeue", "--noheader", "--array", "--job", job, "--format=%T|%r"]),
            queue.status == 0
        else { return "Slurm job \(job): not in the queue" }
        var counts: [String: Int] = [:]
        var reasons: Set<String> = []
        let lines = queue.output.split(separator: "\n")
        for line in lines {
            let parts = line.split(separator: "|", omittingEmptySubsequences: false)
            counts[parts[0].lowercased(), default: 0] += 1
            if parts[0] == "PENDING", parts.count > 1, parts[1] != "None" { reasons.insert(String(parts[1])) }
        }
        let why = reasons.isEmpty ? "" : " (\(reasons.sorted().joined(separator: ", ")))"
        let states = counts.sorted { $0.key < $1.key }.map {
            "\($0.value) \($0.key)\($0.key == "pending" ? why : "")"
        }
        let ended = max(0, tasks - lines.count)
        return "Slurm job \(job), \(Words.count(tasks, "task")): "
            + (states + (ended > 0 ? ["\(ended) ended"] : [])).joined(separator: ", ")
    }
}
