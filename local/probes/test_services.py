"""S3, KMS, secrets, HTTP APIs and the Lambda API."""

import json
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from local.probes.kit import KNIFE_ARN, client, endpoint, near, refused, unique


def test_s3_if_none_match() -> None:
    k = unique("o")
    client("s3").put_object(Bucket="conf", Key=k, Body=b"1", IfNoneMatch="*")
    with refused("PreconditionFailed"):
        client("s3").put_object(Bucket="conf", Key=k, Body=b"2", IfNoneMatch="*")


def test_s3_presigned() -> None:

    k = unique("o")
    client("s3").put_object(Bucket="conf", Key=k, Body=b"1")
    u = client("s3").generate_presigned_url("get_object", Params={"Bucket": "conf", "Key": k})
    assert urllib.request.urlopen(u).read() == b"1"


def test_kms_envelope() -> None:
    k = client("kms").create_key()["KeyMetadata"]["KeyId"]
    g = client("kms").generate_data_key(KeyId=k, KeySpec="AES_256", EncryptionContext={"t": "1"})
    assert (
        client("kms").decrypt(CiphertextBlob=g["CiphertextBlob"], EncryptionContext={"t": "1"})["Plaintext"]
        == g["Plaintext"]
    )
    with refused("InvalidCiphertextException"):
        client("kms").decrypt(CiphertextBlob=g["CiphertextBlob"], EncryptionContext={"t": "2"})


def test_kms_sign() -> None:
    k = client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    s = client("kms").sign(KeyId=k, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    assert client("kms").verify(KeyId=k, Message=b"m", Signature=s, SigningAlgorithm="ECDSA_SHA_256")[
        "SignatureValid"
    ]


def test_secrets_versions() -> None:
    n = unique("s")
    s = client("secretsmanager")
    s.create_secret(Name=n, SecretString="1")
    s.put_secret_value(SecretId=n, SecretString="2")
    assert s.get_secret_value(SecretId=n)["SecretString"] == "2"
    assert s.get_secret_value(SecretId=n, VersionStage="AWSPREVIOUS")["SecretString"] == "1"


def test_apigwv2_invoke_lambda() -> None:

    a = client("apigatewayv2")
    api = a.create_api(Name=unique("api"), ProtocolType="HTTP")
    i = a.create_integration(
        ApiId=api["ApiId"], IntegrationType="AWS_PROXY", IntegrationUri=KNIFE_ARN, PayloadFormatVersion="2.0"
    )["IntegrationId"]
    a.create_route(ApiId=api["ApiId"], RouteKey="GET /x/{id}", Target=f"integrations/{i}")
    a.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
    host = f"{api['ApiId']}.execute-api.localhost"
    rq = urllib.request.Request(
        endpoint() + "/x/42?q=1", headers={"Host": host + ":" + endpoint().rsplit(":", 1)[1]}
    )
    b = json.loads(urllib.request.urlopen(rq, timeout=10).read())
    assert b["echo"]["pathParameters"] == {"id": "42"}
    assert b["echo"]["version"] == "2.0"


def test_lambda_context_and_errors() -> None:
    r = client("lambda").invoke(FunctionName="knife", Payload=b'{"q":1}')
    p = json.loads(r["Payload"].read())
    assert p["ctx"]["name"] == "knife"
    r = client("lambda").invoke(FunctionName="knife", Payload=b'{"op":"boom"}')
    assert r["FunctionError"] == "Unhandled"
    assert json.loads(r["Payload"].read())["errorType"] == "Boom"


def test_lambda_concurrency_parallel() -> None:
    t0 = time.time()
    with ThreadPoolExecutor(5) as p:
        list(
            p.map(
                lambda i: (
                    client("lambda")
                    .invoke(FunctionName="knife", Payload=b'{"op":"sleep","s":1}')["Payload"]
                    .read()
                ),
                range(5),
            )
        )
    assert near(time.time() - t0, 1.3, within=1.2)
