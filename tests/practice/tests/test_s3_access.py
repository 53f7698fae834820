"""Who may read a bucket."""

import json
import urllib.error
import urllib.request


def _anonymous(practice, path):
    try:
        with urllib.request.urlopen(practice.url + path) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_nobody_reads_a_bucket_unsigned_unless_it_is_opened(practice):
    s3 = practice.client("s3")
    s3.create_bucket(Bucket="a-bucket")
    s3.put_object(Bucket="a-bucket", Key="k", Body=b"x")
    assert (_anonymous(practice, "/a-bucket/k"), _anonymous(practice, "/a-bucket/none"), _anonymous(practice, "/")) == (403, 403, 403)
    s3.put_public_access_block(Bucket="a-bucket", PublicAccessBlockConfiguration=dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False))
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a-bucket/*"}
    s3.put_bucket_policy(Bucket="a-bucket", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert _anonymous(practice, "/a-bucket/k") == 200


def test_a_deny_binds_the_owner_too(practice, refused):
    s3 = practice.client("s3")
    s3.create_bucket(Bucket="a-bucket")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::a-bucket/*"}
    s3.put_bucket_policy(Bucket="a-bucket", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert refused(s3.put_object, Bucket="a-bucket", Key="k", Body=b"x") == "AccessDenied"
    s3.delete_bucket_policy(Bucket="a-bucket")
    s3.put_object(Bucket="a-bucket", Key="k", Body=b"x")


def test_a_link_that_is_signed_works_until_it_expires(practice):
    s3 = practice.client("s3")
    s3.create_bucket(Bucket="a-bucket")
    s3.put_object(Bucket="a-bucket", Key="k", Body=b"x")

    def link(seconds):
        return s3.generate_presigned_url("get_object", {"Bucket": "a-bucket", "Key": "k"}, seconds).removeprefix(practice.url)

    assert _anonymous(practice, link(60)) == 200
    assert _anonymous(practice, link(-1)) == 403
    assert _anonymous(practice, link(60).replace("Signature=", "Signature=0")) == 403
