"""The vocabulary: operations on tensors, eager, traced and symbolic alike."""

from cornu.ops import image, linalg, namespaces, nn, numpy  # noqa: F401
from cornu.ops.attention import *  # noqa: F403
from cornu.ops.control import *  # noqa: F403
from cornu.ops.convolution import *  # noqa: F403
from cornu.ops.ctc import *  # noqa: F403
from cornu.ops.einsum import *  # noqa: F403
from cornu.ops.elements import *  # noqa: F403
from cornu.ops.linalg import *  # noqa: F403
from cornu.ops.matrices import *  # noqa: F403
from cornu.ops.nn import *  # noqa: F403
from cornu.ops.normalization import *  # noqa: F403
from cornu.ops.numpy import *  # noqa: F403
from cornu.ops.pooling import *  # noqa: F403
from cornu.ops.primitives import fusion as _fusion  # noqa: F401 (it enters itself)
from cornu.ops.primitives.control import *  # noqa: F403
from cornu.ops.primitives.elementary import *  # noqa: F403
from cornu.ops.primitives.elementwise import *  # noqa: F403
from cornu.ops.primitives.indexing import *  # noqa: F403
from cornu.ops.primitives.linear import *  # noqa: F403
from cornu.ops.primitives.loops import *  # noqa: F403
from cornu.ops.primitives.pooling import *  # noqa: F403
from cornu.ops.primitives.random import *  # noqa: F403
from cornu.ops.primitives.reductions import *  # noqa: F403
from cornu.ops.primitives.shapes import *  # noqa: F403
from cornu.ops.primitives.windows import *  # noqa: F403
from cornu.ops.rearranging import *  # noqa: F403
from cornu.ops.recurrence import *  # noqa: F403
from cornu.ops.recurrent import *  # noqa: F403
from cornu.ops.scattering import *  # noqa: F403
from cornu.ops.scores import *  # noqa: F403
from cornu.ops.search import *  # noqa: F403
from cornu.ops.sorting import *  # noqa: F403
from cornu.ops.spacing import *  # noqa: F403
from cornu.ops.spectral import *  # noqa: F403
from cornu.ops.statistics import *  # noqa: F403

namespaces.fill(globals(), numpy=numpy, nn=nn, linalg=linalg)
