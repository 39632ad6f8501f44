# SPDX-License-Identifier: Apache-2.0
"""Services that are known by name: how they are recognised, and what the last pass does for them.

A row: kind, names of its server processes (``comm``, 15 characters, ``*`` at the end for any), files
of which every one lies in its data directory, where packages put that directory, the built-in
freeze hook, what may stay behind (rsync patterns), and whether a running server counts although
its data directory cannot be recognised.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signature:
    """How a kind of service is recognised; see the module."""

    kind: str
    processes: tuple[str, ...]
    marks: tuple[str, ...]
    places: tuple[str, ...]
    hook: str = ""
    leave_out: tuple[str, ...] = ()
    by_process: bool = True


_ROWS = (
    (
        "postgresql",
        "postgres postmaster",
        "PG_VERSION global/pg_control",
        "/var/lib/postgresql/*/* /var/lib/pgsql/data /var/lib/pgsql/*/data",
        "postgresql",
        "",
        True,
    ),
    ("mysql", "mysqld mariadbd", "ibdata1", "/var/lib/mysql", "mysql", "", True),
    ("mongodb", "mongod", "WiredTiger", "/var/lib/mongodb /var/lib/mongo", "mongodb", "", True),
    (
        "redis",
        "redis-server valkey-server",
        "dump.rdb",
        "/var/lib/redis /var/lib/redis/* /var/lib/valkey",
        "redis",
        "",
        True,
    ),
    (
        "oracle",
        "ora_pmon_* tnslsnr",
        "*.dbf",
        "/u01/app/oracle/oradata/* /opt/oracle/oradata/*",
        "",
        "",
        True,
    ),
    ("db2", "db2sysc", "NODE0000", "/home/db2inst1/db2inst1", "", "", True),
    ("mssql", "sqlservr", "data/master.mdf", "/var/opt/mssql", "", "", True),
    ("cassandra", "", "data commitlog", "/var/lib/cassandra", "", "", True),
    ("scylla", "scylla", "data commitlog", "/var/lib/scylla", "", "", True),
    ("couchdb", "beam.smp", "_dbs.couch", "/var/lib/couchdb /opt/couchdb/data", "", "", False),
    ("couchbase", "memcached", "data", "/opt/couchbase/var/lib/couchbase", "", "", False),
    ("neo4j", "", "databases", "/var/lib/neo4j/data", "", "", True),
    (
        "clickhouse",
        "clickhouse-serv clickhouse",
        "metadata store",
        "/var/lib/clickhouse",
        "",
        "",
        True,
    ),
    ("influxdb", "influxd", "data wal", "/var/lib/influxdb", "", "", True),
    ("prometheus", "prometheus", "wal", "/var/lib/prometheus /var/lib/prometheus/*", "", "", True),
    ("victoriametrics", "victoria-metric", "data", "/var/lib/victoria-metrics*", "", "", True),
    (
        "graphite",
        "carbon-cache",
        "whisper",
        "/var/lib/graphite /opt/graphite/storage",
        "",
        "",
        True,
    ),
    ("elasticsearch", "", "nodes", "/var/lib/elasticsearch", "", "", True),
    ("opensearch", "", "nodes", "/var/lib/opensearch", "", "", True),
    ("solr", "", "data", "/var/solr", "", "", True),
    ("etcd", "etcd", "member/snap/db", "/var/lib/etcd /var/lib/etcd/*", "", "", True),
    ("consul", "consul", "raft/raft.db", "/var/lib/consul /opt/consul", "", "", True),
    ("vault", "vault", "core", "/var/lib/vault/data /opt/vault/data", "", "", True),
    ("zookeeper", "", "version-2", "/var/lib/zookeeper", "", "", True),
    ("kafka", "", "meta.properties", "/var/lib/kafka* /var/lib/kafka/*", "", "", True),
    ("rabbitmq", "beam.smp", "mnesia", "/var/lib/rabbitmq", "", "", False),
    ("activemq", "", "kahadb", "/var/lib/activemq /opt/activemq/data", "", "", True),
    ("nats", "nats-server", "jetstream", "/var/lib/nats", "", "", True),
    ("pulsar", "", "bookkeeper", "/var/lib/pulsar/data", "", "", True),
    ("memcached", "memcached", "", "", "", "", True),
    ("openldap", "slapd", "data.mdb", "/var/lib/ldap /var/lib/openldap/*", "", "", True),
    ("389ds", "ns-slapd", "db", "/var/lib/dirsrv/slapd-*", "", "", True),
    ("samba-ad", "samba", "sam.ldb", "/var/lib/samba/private", "", "", True),
    ("bind", "named", "managed-keys.bind", "/var/cache/bind /var/named", "", "", True),
    ("postfix", "master", "active", "/var/spool/postfix", "", "", False),
    ("dovecot", "dovecot", "", "", "", "", True),
    ("exim", "exim4 exim", "input", "/var/spool/exim4 /var/spool/exim", "", "", True),
    ("nginx", "nginx", "", "", "", "/var/cache/nginx/*", True),
    ("apache", "apache2 httpd", "", "", "", "/var/cache/apache2/*", True),
    ("varnish", "varnishd", "", "/var/lib/varnish", "", "/var/lib/varnish/*", True),
    ("squid", "squid", "swap.state", "/var/spool/squid", "", "/var/spool/squid/*", True),
    ("haproxy", "haproxy", "", "", "", "", True),
    ("tomcat", "", "webapps", "/var/lib/tomcat* /opt/tomcat*", "", "", True),
    ("docker", "dockerd", "image containers", "/var/lib/docker", "docker", "", True),
    (
        "podman",
        "podman conmon",
        "overlay-containers",
        "/var/lib/containers/storage",
        "docker",
        "",
        True,
    ),
    (
        "containerd",
        "containerd",
        "io.containerd.metadata.v1.bolt",
        "/var/lib/containerd",
        "",
        "",
        True,
    ),
    ("kubernetes", "kubelet", "config.yaml", "/var/lib/kubelet", "", "", True),
    ("k3s", "k3s-server k3s", "server", "/var/lib/rancher/k3s", "", "", True),
    (
        "lxd",
        "lxd incusd",
        "database",
        "/var/lib/lxd /var/snap/lxd/common/lxd /var/lib/incus",
        "",
        "",
        True,
    ),
    ("libvirt", "libvirtd virtqemud", "*.qcow2", "/var/lib/libvirt/images", "", "", False),
    ("gitlab", "", "git-data", "/var/opt/gitlab", "", "", True),
    ("gitea", "gitea forgejo", "", "/var/lib/gitea /var/lib/forgejo", "", "", True),
    ("jenkins", "", "jobs", "/var/lib/jenkins", "", "/var/lib/jenkins/workspace/*", True),
    ("nexus", "", "blobs", "/opt/sonatype-work/nexus3 /nexus-data", "", "", True),
    ("minio", "minio", ".minio.sys", "/var/lib/minio /mnt/minio /data/minio", "", "", True),
    ("ceph", "ceph-osd ceph-mon", "", "/var/lib/ceph/osd/*", "", "", True),
    ("glusterfs", "glusterfsd glusterd", "peers", "/var/lib/glusterd", "", "", True),
    ("nfs-server", "nfsd rpc.mountd", "etab", "/var/lib/nfs", "", "", True),
    ("zabbix", "zabbix_server", "", "", "", "", True),
    ("grafana", "grafana grafana-server", "grafana.db", "/var/lib/grafana", "", "", True),
    ("loki", "loki", "chunks", "/var/lib/loki", "", "", True),
    ("splunk", "splunkd", "splunk/defaultdb", "/opt/splunk/var/lib", "", "", True),
    (
        "asterisk",
        "asterisk",
        "astdb.sqlite3",
        "/var/lib/asterisk /var/spool/asterisk",
        "",
        "",
        True,
    ),
    ("sap-hana", "hdbindexserver hdbnameserver", "mnt00001", "/hana/data/*", "", "", True),
)

SIGNATURES = tuple(
    Signature(
        kind,
        tuple(processes.split()),
        tuple(marks.split()),
        tuple(places.split()),
        hook,
        tuple(leave_out.split()),
        by_process,
    )
    for kind, processes, marks, places, hook, leave_out, by_process in _ROWS
)
