# One path for every version and architecture.
ln -s /usr/lib/jvm/java-[0-9][0-9]-openjdk-* /usr/lib/jvm/default
# The JDK's own sources and the runtime images for linking others are a third of it.
rm -rf /usr/lib/jvm/*/jmods /usr/lib/jvm/*/lib/src.zip
