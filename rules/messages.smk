"""Says what a run replaces, leaves out or cannot do, at its start and at its end."""


class Announcer:
    """Says what a run replaces that took hours, each time that Snakemake has planned."""

    def __init__(self):
        self.said = set()

    def process(self):
        """Say it of the jobs that are planned now and were not before."""
        for job in workflow.dag.needrun_jobs():
            key = (job.rule.name, *job.wildcards)
            if key not in self.said:
                self.said.add(key)
                sentence = self.sentence(job)
                if sentence:
                    logger.warning(sentence)

    def sentence(self, job):
        """Return what a job replaces, or nothing."""
        values, reason = job.wildcards, str(workflow.dag.reason(job)).split("\n")[0]
        if job.rule.name == "train_model":
            keys = json.loads(training_keys(values))
            fold = (values.stain, values.model, int(values.fold))
            return training_again(Results(RESULTS), *fold, keys, reason)
        if job.rule.name == "stain_volume" and Path(job.output.tiff).exists():
            return f"volume {values.volume} is stained again: {reason}"
        return None


def announce_replacements():
    """Say what the run replaces; say it again when the folds have been made and are known."""
    announcer = Announcer()
    announcer.process()
    workflow.dag.dag_processors.append(announcer)


def say_what_is_left_out():
    """Say at the end of a run which sections it left out, and where that can be mended."""
    table = Results(RESULTS).registration_table
    said = list(left_out(table, set(SECTIONS["sample"])))
    for sentence in said:
        logger.warning(sentence)
    if said:
        logger.warning(f"look at {Results(RESULTS).registration_page}")


def say_why_jobs_failed():
    """Repeat at the end of a failed run the sentence that each failed job ended with."""
    failed = [job for part in workflow.scheduler.failed for job in getattr(part, "jobs", [part])]
    logs = sorted({log for job in failed for log in job.log})
    for sentence in error_sentences(Path(RESULTS, "logs"), STARTED) + silent_ends(logs):
        logger.error(sentence)


def prepare_results():
    """Take the results folder for this run, say which version made what stands there, write settings.

    Snakemake's own lock keeps two runs apart in one folder of the program, not two clones that
    write into the same results.
    """
    results = Results(RESULTS)
    try:
        RESULTS_LOCK.enter_context(only_one_process(results.job_settings))
        other_version = note_version(results)
        write_job_settings(STUDY)
    except (InputError, OSError) as error:
        raise WorkflowError(explain(error, argparse.Namespace(out=RESULTS)) or str(error))
    if other_version:
        logger.warning(other_version)


def say_that_no_gpu_is_there():
    """Say that a GPU which the profile promises is missing: the jobs would run for very long."""
    wanted = dict(workflow.global_resources.items()).get("gpu")
    jobs = sum("gpu" in job.rule.resources for job in workflow.dag.needrun_jobs())
    hidden = "CUDA_VISIBLE_DEVICES" in os.environ  # by intent, or a card is there
    if wanted and jobs and workflow.local_exec and not hidden and not promised_gpu():
        logger.warning(
            f"`resources: gpu: {wanted.value}` promises a GPU, and this machine has no NVIDIA driver: "
            f"{jobs} jobs that train or stain run on the processor and take very much longer "
            "(`snakemake check` estimates how long)"
        )


def stop_if_metrics_cannot_be_had():
    """Stop a run that would train what it could not evaluate.

    Not an input of the training: there, even as ancient, it would hide other changes from
    Snakemake whenever LPIPS is turned on or off.
    """
    if not any(job.rule.name == "train_model" for job in workflow.dag.needrun_jobs()):
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "virtual_staining", "evaluate", "metrics"]
        command += ["--settings", reaching("evaluate", "metrics")]
        command += ["--results", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        killed = f"the check of the metrics was ended from outside (status {done.returncode})"
        raise WorkflowError(done.stderr or f"{killed}; start again")


def stop_if_still_queued():
    """Stop a run before it submits what a job of an earlier, killed run is still making.

    A job that waits is known by its number, one that runs by what it makes.
    """
    queued = queued_jobs(workflow.workdir_init)
    if not queued:
        return
    wanted = set()
    for job in workflow.dag.needrun_jobs():
        wanted.add(f"rule_{job.rule.name}_wildcards_{'_'.join(job.wildcards)}")
        wanted.update(workflow.persistence.external_jobids(job))
    said = refusal(queued, wanted)
    if said:
        raise WorkflowError(said)
