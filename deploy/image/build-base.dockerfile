# Node with npm and a shell, for the stages that compile. Its context is a folder of tools that build-base.ts fills.
ARG NODE_BASE
FROM ${NODE_BASE}
USER 0:0
ENV HOME=/root
COPY . /
ENTRYPOINT []
CMD ["/bin/sh"]
