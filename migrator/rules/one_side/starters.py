"""Programs that start work by themselves: for commits, for jobs that wait, at set times, by rules."""

from __future__ import annotations

from migrator.rules.one_side.table import GITOPS, NO_GITOPS, Row

DEPLOYERS = (
    Row(
        "Renovate",
        why="commits to Git and opens requests there: both sides would",
        meanwhile="no request is opened from there",
        images=("renovatebot/renovate", "renovate/renovate", "mend/renovate-ce", "mend/renovate-ee-server"),
    ),
    Row(
        "management server",
        why="acts on the clusters that it manages: both sides would",
        meanwhile="those clusters are not managed from there",
        images=("rancher/rancher", "karmada-controller-manager"),
        first=True,
    ),
    Row("Flux 1", why=GITOPS, meanwhile=NO_GITOPS, images=("fluxcd/flux", "weaveworks/flux", "fluxcd/helm-operator"), first=True),
    Row(
        "Config Sync",
        why=GITOPS,
        meanwhile=NO_GITOPS,
        images=("reconciler-manager", "config-management-release/reconciler"),
        first=True,
    ),
    Row(
        "Argo CD",
        why=GITOPS,
        meanwhile=NO_GITOPS,
        words=frozenset({"argocd-application-controller", "argocd-applicationset-controller"}),
        images=("argocd", "argo-cd"),
        first=True,
    ),
    Row(
        "Argo CD notifications",
        why="sends messages: both sides would tell of the same application",
        meanwhile="no message is sent from there",
        words=frozenset({"argocd-notifications-controller", "argocd-notifications"}),
        images=("argocd", "argo-cd"),
    ),
    Row(
        "Argo CD operator",
        why="sets back the replicas of Argo CD, which are held",
        meanwhile="Argo CD there is not changed",
        images=("argocd-operator", "gitops-operator"),
        first=True,
    ),
    Row(
        "Argo CD Image Updater",
        why="commits to Git",
        meanwhile="new images are not committed from there",
        images=("argocd-image-updater",),
        first=True,
    ),
    Row(
        "Argo Events",
        why="starts what takes events from outside",
        meanwhile="no event is taken there",
        images=("argo-events",),
        words=frozenset({"controller"}),
        first=True,
    ),
    Row(
        "Argo Events source",
        why="takes events from outside, and starts what they ask for: both sides would",
        meanwhile="no event is taken there",
        images=("argo-events",),
        words=frozenset({"eventsource-service", "sensor-service"}),
    ),
    Row(
        "kube-downscaler",
        why="sets replicas at set times: it would start on one side what is stopped there",
        meanwhile="replicas stay as they are there",
        images=("kube-downscaler", "py-kube-downscaler", "kube-green", "kube-green/kube-green"),
        first=True,
    ),
    Row(
        "CI server",
        why="starts builds at set times and for each commit: both sides would",
        meanwhile="no build starts there",
        images=("jenkins", "teamcity-server", "gocd-server"),
    ),
    Row(
        "CI runner",
        why="takes jobs under a registration that may be there once",
        meanwhile="no job of a CI server runs there",
        images=(
            "gha-runner-scale-set-controller",
            "actions-runner-controller",
            "actions-runner",
            "github-runner",
            "gitlab-runner",
            "act_runner",
            "forgejo/runner",
            "woodpecker-agent",
            "drone-runner-*",
            "buildkite/agent",
            "teamcity-agent",
            "bitbucket-pipelines-runner",
            "circleci/runner-agent",
            "circleci/container-agent",
            "jenkins/inbound-agent",
            "tfc-agent",
        ),
    ),
)
SCHEDULERS = (
    Row(
        "Airflow",
        why="starts tasks at set times, and runs them",
        meanwhile="no task starts there",
        images=("airflow", "airflow-*"),
        words=frozenset(
            {
                *("scheduler", "triggerer", "worker", "celery", "standalone"),
                *(f"AIRFLOW_COMPONENT_TYPE={name}" for name in ("scheduler", "triggerer", "worker")),
            }
        ),
    ),
    Row(
        "task scheduler",
        why="starts tasks at set times, or divides them by a database: both sides would",
        meanwhile="no task starts there",
        images=(
            "airflow-scheduler",
            "temporalio/server",
            "temporalio/auto-setup",
            "prefecthq/prefect",
            "rundeck/rundeck",
            "semaphoreui/semaphore",
            "ansible/awx",
            "kestra/kestra",
        ),
        flags=(
            frozenset({"celery", "beat"}),
            frozenset({"celery", "--beat"}),
            frozenset({"celery", "-B"}),
            frozenset({"celery-beat"}),
            frozenset({"dagster-daemon"}),
            frozenset({"rqscheduler"}),
            frozenset({"resque:scheduler"}),
            frozenset({"artisan", "schedule:work"}),
        ),
    ),
    Row(
        "automation",
        why="acts on devices and services outside by its own rules: both sides would do each thing",
        meanwhile="nothing is done by its rules there",
        images=(
            "home-assistant",
            "homeassistant",
            "node-red",
            "openhab",
            "zigbee2mqtt",
            "zwave-js-ui",
            "zwavejs2mqtt",
            "frigate",
            "homebridge",
            "domoticz",
            "appdaemon",
            "n8n",
            "huginn",
        ),
    ),
    Row(
        "data flow",
        why="takes records from outside and hands them on: both sides would",
        meanwhile="no record is handed on there",
        images=("apache/nifi", "spring-cloud-dataflow-server", "spring-cloud-skipper-server"),
        flags=(
            frozenset({"standalone-job"}),
        ),  # Flink's JobManager for one job (nightlies.apache.org/flink: standalone on Kubernetes)
    ),
    Row(
        "chat bridge",
        why="speaks for accounts in other networks, as which it may be there once: each message would be sent twice",
        meanwhile="no message passes through it there",
        images=("mautrix/*",),
    ),
    Row(
        "mail fetcher",
        why="fetches mail from outside and hands it on: both sides would",
        meanwhile="no mail is fetched there",
        images=("fetchmail", "getmail", "imapsync"),
    ),
)
