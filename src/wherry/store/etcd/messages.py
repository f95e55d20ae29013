"""The part of etcd's API that the store uses: messages and methods, as facts.

Source: https://etcd.io/docs/v3.5/learning/api/, https://etcd.io/docs/v3.5/dev-guide/api_reference_v3/. Field numbers are those of 3.4 to
3.6; what a newer server sends beside them is skipped. Read by `connection` (methods) and by whoever asks something.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.kit.messages import classes

_TABLE = """
ResponseHeader: cluster_id=1:uint64 member_id=2:uint64 revision=3:int64 raft_term=4:uint64
KeyValue: key=1:bytes create_revision=2:int64 mod_revision=3:int64 version=4:int64 value=5:bytes lease=6:int64
Event: type=1:int32 kv=2:KeyValue prev_kv=3:KeyValue
RangeRequest: key=1:bytes range_end=2:bytes limit=3:int64 revision=4:int64 serializable=7:bool keys_only=8:bool count_only=9:bool
RangeResponse: header=1:ResponseHeader kvs=2:*KeyValue more=3:bool count=4:int64
PutRequest: key=1:bytes value=2:bytes lease=3:int64
PutResponse: header=1:ResponseHeader
DeleteRangeRequest: key=1:bytes range_end=2:bytes
DeleteRangeResponse: header=1:ResponseHeader deleted=2:int64
Compare: result=1:int32 target=2:int32 key=3:bytes version=4:int64 create_revision=5:int64 mod_revision=6:int64
RequestOp: request_range=1:RangeRequest request_put=2:PutRequest request_delete_range=3:DeleteRangeRequest
ResponseOp: response_range=1:RangeResponse response_put=2:PutResponse response_delete_range=3:DeleteRangeResponse
TxnRequest: compare=1:*Compare success=2:*RequestOp failure=3:*RequestOp
TxnResponse: header=1:ResponseHeader succeeded=2:bool responses=3:*ResponseOp
CompactionRequest: revision=1:int64 physical=2:bool
CompactionResponse: header=1:ResponseHeader
WatchRequest: create_request=1:WatchCreateRequest cancel_request=2:WatchCancelRequest
WatchCreateRequest: key=1:bytes range_end=2:bytes start_revision=3:int64 progress_notify=4:bool prev_kv=6:bool fragment=8:bool
WatchCancelRequest: watch_id=1:int64
WatchResponse: header=1:ResponseHeader watch_id=2:int64 created=3:bool canceled=4:bool compact_revision=5:int64 cancel_reason=6:string fragment=7:bool events=11:*Event
LeaseGrantRequest: TTL=1:int64 ID=2:int64
LeaseGrantResponse: header=1:ResponseHeader ID=2:int64 TTL=3:int64 error=4:string
StatusRequest:
StatusResponse: header=1:ResponseHeader version=2:string dbSize=3:int64 leader=4:uint64
AuthenticateRequest: name=1:string password=2:string
AuthenticateResponse: header=1:ResponseHeader token=2:string
"""  # noqa: E501 (a line a message)

_MADE = classes(_TABLE, "etcdserverpb")

Event = _MADE["Event"]
KeyValue = _MADE["KeyValue"]
RangeRequest = _MADE["RangeRequest"]
PutRequest = _MADE["PutRequest"]
DeleteRangeRequest = _MADE["DeleteRangeRequest"]
Compare = _MADE["Compare"]
RequestOp = _MADE["RequestOp"]
TxnRequest = _MADE["TxnRequest"]
CompactionRequest = _MADE["CompactionRequest"]
WatchRequest = _MADE["WatchRequest"]
WatchCreateRequest = _MADE["WatchCreateRequest"]
WatchResponse = _MADE["WatchResponse"]
LeaseGrantRequest = _MADE["LeaseGrantRequest"]
StatusRequest = _MADE["StatusRequest"]
AuthenticateRequest = _MADE["AuthenticateRequest"]

#: mvccpb.Event.EventType
PUT, DELETE = 0, 1
#: Compare.CompareResult and Compare.CompareTarget
EQUAL, GREATER = 0, 1
VERSION, CREATE, MOD = 0, 1, 2


class Method(NamedTuple):
    """`path`: of the call; `answer`: the class of what comes back."""

    path: str
    answer: Any


RANGE = Method("/etcdserverpb.KV/Range", _MADE["RangeResponse"])
TXN = Method("/etcdserverpb.KV/Txn", _MADE["TxnResponse"])
COMPACT = Method("/etcdserverpb.KV/Compact", _MADE["CompactionResponse"])
LEASE_GRANT = Method("/etcdserverpb.Lease/LeaseGrant", _MADE["LeaseGrantResponse"])
STATUS = Method("/etcdserverpb.Maintenance/Status", _MADE["StatusResponse"])
AUTHENTICATE = Method("/etcdserverpb.Auth/Authenticate", _MADE["AuthenticateResponse"])
WATCH = Method("/etcdserverpb.Watch/Watch", WatchResponse)
