"""A TLS terminator between gateway and platform that reads the frames inside and plays tricks on
them: what an attacker with the platform's own TLS key could do."""
import socket
import ssl
import struct
import threading


class Proxy:
    """trick(direction, number, frame) -> list of frames to pass on instead, or None: cut the
    connection. direction "up" is gateway to platform; numbers count from 1 in each connection."""

    def __init__(self, folder, platform_port, trick=None, identity=None):
        """folder: server.pem, server.key, ca.pem. identity: certificate and key files that are
        shown to the platform in the gateway's name."""
        self.platform_port, self.trick = platform_port, trick
        self.recorded = {"up": [], "down": []}
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
        self.client = ssl.create_default_context(cafile=f"{folder}/ca.pem")
        if identity:
            self.client.load_cert_chain(*identity)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            try:
                near = self.server.wrap_socket(raw, server_side=True)
                far = connect(self.client, self.platform_port)
            except OSError:
                continue
            for direction, source, sink in (("up", near, far), ("down", far, near)):
                threading.Thread(target=self._pass, args=(direction, source, sink),
                                 daemon=True).start()

    def _pass(self, direction, source, sink):
        number = 0
        try:
            while True:
                frame = read_frame(source)
                number += 1
                self.recorded[direction].append(frame)
                out = self.trick(direction, number, frame) if self.trick else [frame]
                for one in out or []:
                    sink.sendall(one)
                if out is None:
                    break
        except (OSError, EOFError, ValueError):
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()


def connect(context, port):
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port)),
                               server_hostname="localhost")


def read_exactly(source, size):
    data = b""
    while len(data) < size:
        more = source.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def read_frame(source):
    head = read_exactly(source, 4)
    return head + read_exactly(source, struct.unpack(">I", head)[0])
