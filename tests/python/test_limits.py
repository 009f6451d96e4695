"""What the kernel holds forked workers to."""

import os
import resource
import signal

import pytest

from host import Failed
from template import ForkedWorker, Template

LIMITED = "adapters.limited"
MIB = 1 << 20


@pytest.fixture
def template():
    with Template() as made:
        yield made.ready()


def test_a_forked_worker_has_the_limits_that_the_request_names_S3(template):
    with ForkedWorker(template, LIMITED, limits=(512 * MIB, 200, 1000, 0, 3)) as worker:
        worker.start()
        found = worker.call("limits")
        assert found["data"] == [512 * MIB, 512 * MIB]
        assert found["files"] == [200, 200]
        # SIGXCPU first, since SIGKILL says nothing of why.
        assert found["cpu"] == [1000, 1001]
        assert found["core"] == [0, 0]
        assert worker.call("nice") == min(19, os.nice(0) + 3)


def test_without_limits_a_forked_worker_has_the_template_s_but_no_core_S3(template):
    with ForkedWorker(template, LIMITED) as worker:
        worker.start()
        found = worker.call("limits")
        assert found["data"] == list(resource.getrlimit(resource.RLIMIT_DATA))
        assert found["files"] == list(resource.getrlimit(resource.RLIMIT_NOFILE))
        assert found["cpu"] == list(resource.getrlimit(resource.RLIMIT_CPU))
        assert found["core"] == [0, 0]
        assert worker.call("nice") == os.nice(0)


def test_the_limits_of_one_worker_are_not_the_next_one_s_S3(template):
    with ForkedWorker(template, LIMITED, limits=(0, 150, 0, 0, 0)) as worker:
        worker.start()
        assert worker.call("limits")["files"] == [150, 150]
    with ForkedWorker(template, LIMITED, limits=(0, 300, 0, 0, 0)) as worker:
        worker.start()
        assert worker.call("limits")["files"] == [300, 300]


def test_too_much_memory_is_a_MemoryError_and_the_worker_lives_S3(template):
    with ForkedWorker(template, LIMITED, limits=(256 * MIB, 0, 0, 0, 0)) as worker:
        worker.start()
        error = worker.error_of("allocate", size=1 << 30)
        assert error.reason == "python_exception"
        assert error.python.type == "MemoryError"
        assert worker.call("allocate", size=MIB) == MIB


def test_too_many_descriptors_are_an_OSError_and_the_worker_lives_S3(template):
    with ForkedWorker(template, LIMITED, limits=(0, 128, 0, 0, 0)) as worker:
        worker.start()
        with pytest.raises(Failed) as caught:
            worker.call("open_many", count=128)
        assert caught.value.error.python.type == "OSError"
        assert "Too many open files" in caught.value.error.message
        assert worker.call("open_many", count=20) == 20


def test_too_much_processor_time_ends_the_worker_by_SIGXCPU_S3(template):
    with ForkedWorker(template, LIMITED, limits=(0, 0, 1, 0, 0)) as worker:
        worker.start()
        worker.submit("burn", {})
        assert worker.wait() == -signal.SIGXCPU


def test_a_limit_that_cannot_be_had_is_named_W3(template):
    if os.geteuid() == 0:
        too_many = 1 << 40  # above fs.nr_open, which binds root, too
    else:
        too_many = resource.getrlimit(resource.RLIMIT_NOFILE)[1] + 1
    with ForkedWorker(template, LIMITED, limits=(0, too_many, 0, 0, 0)) as worker:
        assert worker.wait() == 70
        assert f"limits.files cannot be set to {too_many}" in worker.stderr.finish()


def test_a_template_short_of_descriptors_says_so_and_goes_on_W3(template):
    with ForkedWorker(template, LIMITED) as worker:
        worker.start()
        before = resource.prlimit(template.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(template.pid, resource.RLIMIT_NOFILE, (12, before[1]))
        null = os.open(os.devnull, os.O_RDONLY)
        words, fds = template.spawn({}, [null] * 9)
        os.close(null)
        assert words == ["failed", str(template.spawned), "24", "fork"] and fds == []
        resource.prlimit(template.pid, resource.RLIMIT_NOFILE, before)
        with ForkedWorker(template, LIMITED) as other:
            other.start()
            assert other.call("privileges") is not None
        assert worker.call("allocate", size=1) == 1
