"""What Microsoft's client says, for tests that compare ours with it. Prints JSON.

microsoft.py send CONNECTION PORT CA BODY    one message with the properties of a simulated device
microsoft.py token RESOURCE KEY EXPIRY       the token of a resource
"""

import json
import sys
import time

import paho.mqtt.client as mqtt
from azure.iot.device import IoTHubDeviceClient, Message
from azure.iot.device.common.auth.sastoken import RenewableSasToken
from azure.iot.device.common.auth.signing_mechanism import SymmetricKeySigningMechanism


def send(connection, port, authority, body):
    # The client knows one port only. All else about it stays as it is.
    original = mqtt.Client.connect
    mqtt.Client.connect = lambda self, **named: original(self, **{**named, "port": int(port)})
    with open(authority) as file:
        client = IoTHubDeviceClient.create_from_connection_string(connection, server_verification_cert=file.read())
    message = Message(body, content_encoding="utf-8", content_type="application/json")
    message.custom_properties["$$MessageSchema"] = "truck-sensors;v1"
    message.custom_properties["$$CreationTimeUtc"] = "2023-11-14T22:13:20+00:00"
    message.custom_properties["$$ContentType"] = "JSON"
    client.connect()
    client.send_message(message)
    client.shutdown()
    return True


def token(resource, key, expiry):
    time.time = lambda: int(expiry) - 3600
    return str(RenewableSasToken(resource, SymmetricKeySigningMechanism(key), ttl=3600))


print(json.dumps({"send": send, "token": token}[sys.argv[1]](*sys.argv[2:])))
